"""Reads SignedDocument files, for the second implementation: a document, its hash and the signatures that count."""

from dataclasses import dataclass
from typing import Any

from tests.independent.avro import decode
from tests.independent.primitives import digest, frame, signed

Values = dict[str, Any]
BODIES = {"ROOT": "Root", "NODE": "Node", "AGREEMENT": "Agreement"}


@dataclass(frozen=True, slots=True)
class Document:
    """A document with its body, its hash and its signatures."""

    hash: bytes
    head: Values
    body: Values
    raw: bytes
    signatures: list[Values]

    def has(self, key_id: bytes, use: str, public: bytes) -> bool:
        """Whether this key has signed the document."""
        data = frame("enlace/1 document", self.raw)
        return any(s["key_id"] == key_id and signed(use, public, s["signature"], data) for s in self.signatures)

    @property
    def stopped(self) -> bool:
        """Whether it stops an agreement."""
        return bool(self.body.get("status", "IN_FORCE") != "IN_FORCE")

    def counts(self, key: Values) -> bool:
        """Whether signatures by this key count for the document."""
        ended = key["until"] is not None and key["until"] <= self.head["from"]
        return key["reason"] != "COMPROMISED" and not ended

    def signers(self, root: Values) -> int:
        """The number of trustees of this ROOT that have signed the document."""
        trustees = ((t["id"], t["key"]) for t in root["trustees"])
        return sum(self.has(key_id(n, k), "AGREE", k["public"]) for n, k in trustees if self.counts(k))


def stops(document: Document, before: Document) -> bool:
    """Whether an agreement version changes nothing in the body except the status, to one that is not IN_FORCE."""
    return bool(document.stopped and {**before.body, "status": document.body["status"]} == document.body)


def key_id(node: str, key: Values) -> bytes:
    """The id of a key."""
    return digest(frame("enlace/1 key", node, key["use"], key["suite"].to_bytes(4, "big"), key["public"]))


def read_document(data: bytes) -> Document:
    """Decode a SignedDocument, the Document in it and its body."""
    outer = decode("SignedDocument", data)
    head = decode("Document", outer["document"])
    inside = decode(BODIES[head["kind"]], head["body"])
    return Document(digest(outer["document"]), head, inside, outer["document"], outer["signatures"])
