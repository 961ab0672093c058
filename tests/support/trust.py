"""Documents of a community as TOML, as files and with changes, for the tests of node/trust."""

from pathlib import Path
from typing import Any

from msgspec import structs

from broker import topology as topologies
from node.limits import DAY_MS
from node.trust import document_files
from node.trust.compile_toml import compile_text
from node.trust.document_set import DocumentProblem
from node.trust.governance import Governance, load_governance
from node.trust.signed_document import ParsedDocument, parse
from schemas import types
from schemas.formats import bytes_text
from schemas.types import DocumentKind, KeyUse
from tests.support.community import (
    T0,
    TRUSTEES,
    Community,
    document,
    keys_of,
    listed,
    signed,
)

AGREEMENT_TOML = """
id = "BZ-GT"
version = 1
parties = ["GT", "BZ"]
not_before = 2026-01-01T00:00:00Z
not_after = 2027-01-01T00:00:00Z

[[clause]]
id = "1"
from = ["BZ"]
to = ["GT"]
retention_days_max = 1825
regions = ["caribbean"]
subjects = ["ENVIRONMENTAL_CRIME", "CONTRABAND", "ENVIRONMENTAL_CRIME"]
types = ["*"]
categories = ["*"]
handling = ["H0", "H1"]
purposes = ["*"]
"""


def problem(governance: Governance) -> DocumentProblem:
    """The only problem."""
    assert len(governance.problems) == 1, governance.problems
    return governance.problems[0]


def with_document(community: Community, parsed: ParsedDocument, *signers: str) -> Governance:
    """The governance after one more document."""
    return load_governance([*community.documents, signed(parsed, community.governance, *signers)], community.community)


def changed_keys(name: str, use: KeyUse, **changes: Any) -> tuple[types.Key, ...]:
    """The listed keys of a node, with one key changed."""
    return tuple(structs.replace(key, **changes) if key.use is use else key for key in listed(keys_of(name)))


def node_version(community: Community, body: types.Node, **changes: Any) -> ParsedDocument:
    """Version 2 of BZ."""
    return document(
        DocumentKind.NODE, "BZ", body, community.governance, **({"version": 2, "from_": T0 + DAY_MS} | changes)
    )


def compiled(
    text: str,
    community: Community | None,
    kind: DocumentKind = DocumentKind.AGREEMENT,
    *,
    known_codes_only: bool = False,
) -> ParsedDocument:
    governance = community.governance if community else None
    topology = topologies.default()
    return compile_text(
        kind, text, governance=governance, topology=topology, file="x.toml", known_codes_only=known_codes_only
    )


def root_text(**changes: Any) -> str:
    values = {"version": 1, "threshold": 2, "revoke_threshold": 1} | changes
    head = "\n".join(f"{name} = {value}" for name, value in values.items())
    dates = "not_before = 2026-01-01T00:00:00Z\nnot_after = 2027-01-01T00:00:00Z"
    trustees = "\n".join(
        f'[[trustee]]\nid = "{name}"\npublic = "{bytes_text(keys_of(name).keys[0].public)}"' for name in TRUSTEES
    )
    return f"{head}\n{dates}\n{trustees}\n"


def folder_of(community: Community, folder: Path) -> Path:
    """Write the documents of a community as files; returns the folder."""
    folder.mkdir(parents=True)
    for data in community.documents:
        (folder / document_files.file_name(parse(data))).write_bytes(data)
    return folder
