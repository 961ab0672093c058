"""Makes the input of the vectors: synthetic keys, documents and reports, all derived from their names.

The keys protect nothing, because each is the hash of a published text.
"""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

from node.limits import DAY_MS
from node.sealing.hpke import PRIVATE_SIZE_BYTES
from node.sealing.private_keys import PrivateKey, PrivateKeys
from node.trust import document_files
from node.trust.governance import Governance, load_governance
from schemas.avro.codec import encode
from schemas.json_form import json_values
from schemas.types import DocumentKind, IntelligenceReport, KeyUse, Root, Trustee
from tests.support.community import (
    T0,
    agreement_body,
    clause,
    document,
    listed,
    node_body,
)

SEALED_AT = T0 + 2 * DAY_MS + 3_600_000
STREAM = "intel.caribbean"
REPORTS: tuple[dict[str, Any], ...] = tuple(
    {
        "kind": "REPORT",
        "created_at": "2026-01-03T00:30:00Z",
        "region": "caribbean",
        "report_id": f"00000000-0000-4000-8000-00000000000{number}",
        "references": [],
        "subjects": ["DRUG_TRAFFICKING"],
        "narrative": {"text": text, "language": "en"},
        "occurred": {"from": "2026-01-02T04:00:00Z"},
        "urgency": "NORMAL",
        "purpose": "INFORMATION_EXCHANGE",
        "legal_basis": "Synthetic Act s. 1",
        "retain_until": "2026-12-31",
        "evaluation": {"grid": "4x4", "source": "B", "information": "2"},
        "handling": ["H1", "H0"],
        "entities": [
            {
                "id": 1,
                "kind": "PERSON",
                "statement": "ASSESSMENT",
                "identifiers": [],
                "person": {
                    "family_name": "Muster",
                    "category": "WITNESS",
                    "under_18": False,
                    "special_category": False,
                },
            }
        ],
        "connections": [],
    }
    for number, text in enumerate(("A synthetic boat.", "Ein zweites, synthétique. " * 60, "A third."), 1)
)


def fixed(name: str, size: int = 32) -> bytes:
    """Bytes instead of random ones: the first bytes of SHA-256 over the name and a counter."""
    blocks = (sha256(f"enlace test vectors 1: {name}: {block}".encode()).digest() for block in range(-(-size // 32)))
    return b"".join(blocks)[:size]


@cache
def keys(holder: str) -> PrivateKeys:
    """The private keys of a node, or the only key of the trustee."""
    uses = (KeyUse.AGREE,) if holder == "TR1" else (KeyUse.SEAL, KeyUse.AGREE, KeyUse.ENCRYPT)
    return PrivateKeys(holder, tuple(key(holder, use) for use in uses))


def key(holder: str, use: KeyUse) -> PrivateKey:
    """A private key of fixed bytes."""
    size = PRIVATE_SIZE_BYTES if use is KeyUse.ENCRYPT else 32
    return PrivateKey(node=holder, use=use, private=fixed(f"{holder} {use}", size))


def report(number: int) -> IntelligenceReport:
    """One of the reports, with all fields."""
    return json_values.from_json(IntelligenceReport, REPORTS[number])


@dataclass(frozen=True)
class Community:
    """The documents in their order, and their governance."""

    documents: tuple[bytes, ...]
    governance: Governance
    agreement: bytes


@cache
def community() -> Community:
    """One trustee, two nodes, and an agreement with two clauses. The second clause covers the reports."""
    trustees = tuple(Trustee(id="TR1", key=public) for public in listed(keys("TR1")))
    body = Root(trustees=trustees, threshold=1, revoke_threshold=1, registry_keys=(), resume=())
    first = document(DocumentKind.ROOT, "ROOT", body, None)
    signed = [encode(document_files.sign(first, keys("TR1"), None).signed)]
    for code in ("BZ", "GT"):
        governance = load_governance(signed, first.hash)
        draft = document(DocumentKind.NODE, code, node_body(listed(keys(code)), (STREAM, "keys")), governance)
        draft = document_files.sign(draft, keys("TR1"), governance)
        signed.append(encode(document_files.sign(draft, keys(code), governance).signed))
    governance = load_governance(signed, first.hash)
    clauses = (
        clause(("BZ",), ("GT",), "1", handling=("H0",)),
        clause(("BZ",), ("GT",), "2", handling=("H0", "H1"), retention_days_max=365),
    )
    shared = document(DocumentKind.AGREEMENT, "BZ-GT", agreement_body(("BZ", "GT"), *clauses), governance)
    for code in ("BZ", "GT"):
        shared = document_files.sign(shared, keys(code), governance)
    signed.append(encode(shared.signed))
    return Community(tuple(signed), load_governance(signed, first.hash), shared.hash)
