"""Parses one SignedDocument and checks the rules that need no other document.

Pure. admission.py decides whether the signatures suffice, succession.py whether the document follows its predecessor.
Rules ("Governance"):

- document and body are canonical, and the kind decides the type of the body;
- only version 1 has no predecessor; only the first ROOT has no community and no root;
- the id of a ROOT is "ROOT"; its thresholds are between 1 and the number of trustees; each trustee has an AGREE key of
  its own, because thresholds count signers;
- the id of a NODE is a node code and never REGISTRY; it writes streams for nodes, never `governance`;
- the clauses of an AGREEMENT name only parties;
- keys pass public_keys.check_public, and a COMPROMISED key has an `until`;
- a holder has few keys of one use that are valid at the same time, so that the grants of an audience stay small.

The codec checks that sets are sorted and contain no key, trustee, clause or head twice.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from broker.streams import REGISTRY, is_member_stream
from node.errors import UsageError
from node.primitives import ZERO_HASH, digest
from node.sealing.public_keys import BadKey, check_public, key_id
from schemas.avro.codec import BadMessage, decode
from schemas.types import Agreement, Document, DocumentKind, Key, KeyReason, KeyUse, Node, Root, SignedDocument

NODE_CODE: Final = re.compile(r"[A-Z][A-Z0-9]{1,15}")
VALID_KEYS_OF_A_USE_MAX: Final = 4  # two while a key is replaced; a document lists every key that ever was
DOCUMENT_SIZE_BYTES_MAX: Final = 256 * 1024  # so that a document fits into a record of the log


class DocumentInvalid(UsageError):
    """A document, or a file that should be one, has no effect; `code` names the broken rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDocument:
    """A well-formed SignedDocument. Only `parse` makes it; its signatures are not checked."""

    signed: SignedDocument
    document: Document
    body: Root | Node | Agreement
    hash: bytes
    """H(document)."""

    @property
    def name(self) -> str:
        """Kind, id and version, for messages."""
        return f"{self.document.kind} {self.document.id} version {self.document.version}"


def parse(data: bytes) -> ParsedDocument:
    """Parse a SignedDocument. DocumentInvalid if the document breaks one of the rules above."""
    if len(data) > DOCUMENT_SIZE_BYTES_MAX:
        raise DocumentInvalid("document_malformed", f"larger than {DOCUMENT_SIZE_BYTES_MAX} bytes")
    try:
        signed = decode(SignedDocument, data)
        document = decode(Document, signed.document)
        body = decode(_BODIES[document.kind], document.body)
    except BadMessage as error:
        raise DocumentInvalid("document_malformed", f"not a canonical SignedDocument: {error}") from None
    _check_document(document)
    if isinstance(body, Root):
        _check_root(document, body)
    elif isinstance(body, Node):
        _check_node(document, body)
    else:
        _check_agreement(body)
    return ParsedDocument(signed=signed, document=document, body=body, hash=digest(signed.document))


_BODIES: Final[dict[DocumentKind, type[Root] | type[Node] | type[Agreement]]] = {
    DocumentKind.ROOT: Root,
    DocumentKind.NODE: Node,
    DocumentKind.AGREEMENT: Agreement,
}


def _require(condition: bool, code: str, message: str, path: str) -> None:
    if not condition:
        raise DocumentInvalid(code, message, path=path)


def _check_document(document: Document) -> None:
    first = document.version == 1
    _require(document.version >= 1, "document_version", "versions count from 1", "version")
    _require(
        first == (document.previous == ZERO_HASH),
        "document_previous",
        "version 1 must have no previous version, and every other version must have one",
        "previous",
    )
    origin = first and document.kind is DocumentKind.ROOT
    _require(
        origin == (document.community == ZERO_HASH),
        "document_community",
        "only the first ROOT has no community",
        "community",
    )
    _require(origin == (document.root == ZERO_HASH), "document_root", "only the first ROOT has no root", "root")


def _check_root(document: Document, body: Root) -> None:
    _require(document.id == "ROOT", "document_id", "the id of a ROOT must be ROOT", "id")
    for name, threshold in (("threshold", body.threshold), ("revoke_threshold", body.revoke_threshold)):
        _require(
            1 <= threshold <= len(body.trustees),
            "threshold_invalid",
            f"{name} {threshold} is not between 1 and the {len(body.trustees)} trustees",
            name,
        )
    publics = {trustee.key.public for trustee in body.trustees}
    _require(len(publics) == len(body.trustees), "listed_twice", "two trustees have the same key", "trustees")
    for trustee in body.trustees:
        path = f"trustees.{trustee.id}"
        _require(NODE_CODE.fullmatch(trustee.id) is not None, "document_id", f"{trustee.id} is not a trustee id", path)
        _require(trustee.key.use is KeyUse.AGREE, "key_use", "the key of a trustee must be an AGREE key", path)
        _check_keys(trustee.id, (trustee.key,), path)
    _check_number_of_keys(body.registry_keys, "registry_keys")
    _check_keys(REGISTRY, body.registry_keys, "registry_keys")


def _check_node(document: Document, body: Node) -> None:
    _require(NODE_CODE.fullmatch(document.id) is not None, "document_id", f"{document.id} is not a node code", "id")
    _require(document.id != REGISTRY, "document_id", f"{REGISTRY} is not a node", "id")
    for stream in body.streams:
        reason = f"{stream} is not a stream that nodes write"
        _require(is_member_stream(stream), "stream_unknown", reason, f"streams.{stream}")
    _check_number_of_keys(body.keys, "keys")
    _check_keys(document.id, body.keys, "keys")


def _check_agreement(body: Agreement) -> None:
    parties = set(body.parties)
    _require(bool(parties), "party_unknown", "an agreement needs parties", "parties")
    for party in body.parties:
        _require(NODE_CODE.fullmatch(party) is not None, "document_id", f"{party} is not a node code", "parties")
    for clause in body.clauses:
        for name, codes in (("from", clause.from_), ("to", clause.to)):
            strangers = sorted(set(codes) - parties)
            message = f"not a party: {', '.join(strangers)}"
            _require(not strangers, "party_unknown", message, f"clauses.{clause.id}.{name}")


def _check_number_of_keys(keys: Iterable[Key], path: str) -> None:
    """Few keys of one use are valid at any time."""
    by_use: dict[KeyUse, list[Key]] = {}
    for key in keys:
        by_use.setdefault(key.use, []).append(key)
    for use, listed in by_use.items():
        # A key counts from `from` until before `until`; at one time the ends come first.
        changes = sorted(change for key in listed for change in _changes(key))
        valid = most = 0
        for _, change in changes:
            valid += change
            most = max(most, valid)
        message = f"{most} {use} keys are valid at the same time; the limit is {VALID_KEYS_OF_A_USE_MAX}"
        _require(most <= VALID_KEYS_OF_A_USE_MAX, "keys_too_many", message, f"{path}.{use}")


def _changes(key: Key) -> list[tuple[int, int]]:
    """When the key begins (+1) and ends (-1) to be valid, in ms; nothing for a key that never is."""
    if key.until is None:
        return [(key.from_, 1)]
    return [(key.from_, 1), (key.until, -1)] if key.from_ < key.until else []


def _check_keys(holder: str, keys: Iterable[Key], path: str) -> None:
    for key in keys:
        identity = key_id(holder, key.use, key.suite, key.public)
        where = f"{path}.{key.use}.{identity.hex()[:8]}"
        try:
            check_public(key.use, key.suite, key.public)
        except BadKey as error:
            raise DocumentInvalid(error.code, error.message, path=where, hint=error.hint) from None
        _require(
            key.reason is not KeyReason.COMPROMISED or key.until is not None,
            "key_until",
            "a COMPROMISED key needs `until`, the time since when it is compromised",
            where,
        )
