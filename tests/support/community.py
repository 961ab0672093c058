"""A community in memory for tests: trustees, nodes and agreements. Each document is signed as the rules require.

Keys are generated once for each name in a test run, as no test depends on their values.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from msgspec import structs

from node.limits import DAY_MS, SUITE
from node.sealing.private_keys import PrivateKeys
from node.trust import compile_toml as compiling
from node.trust import document_files
from node.trust.governance import Governance, load_governance
from node.trust.signed_document import ParsedDocument
from schemas import types
from schemas.avro.codec import encode, sorted_set
from schemas.types import DocumentKind, KeyReason, KeyUse

T0 = 1_767_225_600_000  # 2026-01-01T00:00:00Z
YEAR = 365 * DAY_MS
TRUSTEES = ("TR1", "TR2", "TR3")
STREAMS = ("checkpoints", "intel.caribbean", "intel.europe", "intel.transatlantic", "keys", "proposals", "receipts")


@cache
def keys_of(name: str) -> PrivateKeys:
    """The keys of a node, or the only key of a trustee."""
    return PrivateKeys.generate(name, (KeyUse.AGREE,)) if name.startswith("TR") else PrivateKeys.generate(name)


def listed(keys: PrivateKeys, **changes: Any) -> tuple[types.Key, ...]:
    """All keys as a document lists them."""
    return tuple(
        structs.replace(
            types.Key(use=key.use, suite=SUITE, public=key.public, from_=T0, until=None, reason=KeyReason.NONE),
            **changes,
        )
        for key in keys.keys
    )


def root_body(trustees: Iterable[str] = TRUSTEES, threshold: int = 2, revoke_threshold: int = 1) -> types.Root:
    """A ROOT with these trustees."""
    return types.Root(
        trustees=sorted_set(types.Trustee(id=name, key=listed(keys_of(name))[0]) for name in trustees),
        threshold=threshold,
        revoke_threshold=revoke_threshold,
        registry_keys=(),
        resume=(),
    )


def node_body(keys: Iterable[types.Key], streams: Iterable[str] = STREAMS) -> types.Node:
    """A NODE with these keys."""
    return types.Node(keys=sorted_set(keys), streams=sorted_set(streams), resume=())


def clause(originators: Iterable[str], recipients: Iterable[str], clause_id: str = "1", **changes: Any) -> types.Clause:
    """A clause that covers everything except special-category data, unless `changes` replaces a field."""
    values: dict[str, Any] = dict.fromkeys(("regions", "subjects", "types", "categories", "handling"), ("*",))
    values |= {"purposes": ("*",), "retention_days_max": 1825, "special_categories": False} | changes
    return types.Clause(id=clause_id, from_=sorted_set(originators), to=sorted_set(recipients), **values)


def agreement_body(
    parties: Iterable[str], *clauses: types.Clause, status: types.AgreementStatus = types.AgreementStatus.IN_FORCE
) -> types.Agreement:
    """An AGREEMENT; without clauses each party may send everything to each other."""
    names = sorted_set(parties)
    return types.Agreement(parties=names, clauses=sorted_set(clauses or (clause(names, names),)), status=status)


def document(  # one keyword for each field that a test may set to a wrong value
    kind: DocumentKind,
    identity: str,
    body: types.Root | types.Node | types.Agreement,
    governance: Governance | None,
    *,
    version: int = 1,
    from_: int = T0,
    until: int = T0 + YEAR,
) -> ParsedDocument:
    """An unsigned document that follows the documents of `governance`."""
    return compiling.document_of(
        kind=kind,
        identity=identity,
        version=version,
        not_before=from_,
        not_after=until,
        body=body,
        governance=governance,
    )


def signed(parsed: ParsedDocument, governance: Governance | None, *signers: str) -> bytes:
    """The SignedDocument with the signatures of those signers that count."""
    for signer in signers:
        parsed = document_files.sign(parsed, keys_of(signer), governance)
    return encode(parsed.signed)


def signed_by(parsed: ParsedDocument, keys: PrivateKeys, governance: Governance | None) -> ParsedDocument:
    """The document with the signatures by `keys` that count."""
    return document_files.sign(parsed, keys, governance)


class Community:
    """Documents and their governance; each method adds one document."""

    def __init__(self, nodes: Iterable[str] = (), **root: Any) -> None:
        self.documents: list[bytes] = []
        first = document(DocumentKind.ROOT, "ROOT", root_body(**root), None)
        self.documents.append(signed(first, None, *TRUSTEES))
        self.community = first.hash
        for name in nodes:
            self.node(name)

    @classmethod
    def of(cls, documents: Iterable[bytes], community: bytes) -> "Community":
        """The community of these documents."""
        made = cls()
        made.documents, made.community = list(documents), community
        return made

    @property
    def governance(self) -> Governance:
        """The governance of the documents so far."""
        return load_governance(self.documents, self.community)

    def node(self, name: str, streams: Iterable[str] = STREAMS) -> None:
        """Admit a node with its four keys."""
        governance = self.governance
        draft = document(DocumentKind.NODE, name, node_body(listed(keys_of(name)), streams), governance)
        self.documents.append(signed(draft, governance, "TR1", "TR2", name))

    def agreement(self, identity: str, parties: Iterable[str], *clauses: types.Clause, **changes: Any) -> bytes:
        """An agreement signed by all its parties; returns the hash of its document."""
        names = tuple(parties)
        governance, signers = self.governance, changes.pop("signers", names)
        body = agreement_body(names, *clauses, status=changes.pop("status", types.AgreementStatus.IN_FORCE))
        draft = document(DocumentKind.AGREEMENT, identity, body, governance, **changes)
        self.documents.append(signed(draft, governance, *signers))
        return draft.hash
