"""Reads keys, nodes and agreements from SignedDocument files, for the second implementation.

Documents without the required signatures are ignored. Not implemented: the revoke threshold (a NODE version needs the
full threshold), `resume`, and the checks that Ed25519 keys are on the curve.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.independent.avro import body, decode, resolve
from tests.independent.primitives import digest, frame, signed

Values = dict[str, Any]
LENGTHS = {"SEAL": 32, "AGREE": 32, "CHECKPOINT": 1952, "ENCRYPT": 1216}
BODIES = {"ROOT": "Root", "NODE": "Node", "AGREEMENT": "Agreement"}
ZERO = bytes(32)


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

    def signers(self, root: Values) -> int:
        """The number of trustees of this ROOT that have signed the document."""
        trustees = ((t["id"], t["key"]) for t in root["trustees"])
        return sum(self.has(key_id(n, k), "AGREE", k["public"]) for n, k in trustees if k["reason"] != "COMPROMISED")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The documents by kind and id, in the order of their versions, and the keys by key id."""

    community: bytes
    versions: dict[tuple[str, str], list[Document]] = field(default_factory=dict)
    keys: dict[bytes, tuple[str, Values]] = field(default_factory=dict)

    def at(self, kind: str, name: str, time: int) -> Document | None:
        """The version that applies at a time; None without one."""
        version = self.begun(kind, name, time)
        return version if version and time < version.head["until"] else None

    def begun(self, kind: str, name: str, time: int) -> Document | None:
        """The highest version with `from` <= time, even if `until` has passed."""
        return next((d for d in reversed(self.versions.get((kind, name), [])) if d.head["from"] <= time), None)

    def agreement(self, hash_: bytes) -> Document | None:
        """The agreement version with this hash; None without one."""
        found = (d for (kind, _), all_ in self.versions.items() if kind == "AGREEMENT" for d in all_)
        return next((d for d in found if d.hash == hash_), None)

    def in_force(self, agreement: Document, time: int) -> bool:
        """Whether this version applies at this time and has the status IN_FORCE."""
        return self.at("AGREEMENT", agreement.head["id"], time) is agreement and agreement.body["status"] == "IN_FORCE"

    def add(self, document: Document) -> bool:
        """Add the next version of an id if it has the signatures that its kind needs; returns whether it has."""
        head = document.head
        trustees = [(trustee["id"], trustee["key"]) for trustee in document.body.get("trustees", [])]
        node = "REGISTRY" if head["kind"] == "ROOT" else head["id"]
        listed: list[Values] = document.body.get("registry_keys") or document.body.get("keys") or []
        own = [(node, key) for key in listed]
        if any(key["suite"] != 1 or len(key["public"]) != LENGTHS[key["use"]] for _, key in trustees + own):
            return False
        earlier = self.versions.setdefault((head["kind"], head["id"]), [])
        before = earlier[-1] if earlier else None
        if head["version"] != len(earlier) + 1 or head["previous"] != (before.hash if before else ZERO):
            return False
        if not {"ROOT": self._root, "NODE": self._node, "AGREEMENT": self._agreement}[head["kind"]](document, before):
            return False
        earlier.append(document)
        self.keys.update({key_id(holder, key): (holder, key) for holder, key in trustees + own})
        return True

    def _root(self, document: Document, before: Document | None) -> bool:
        own = document.signers(document.body) >= document.body["threshold"]
        if before is None:
            return bool(own and document.hash == self.community and document.head["root"] == ZERO)
        of_old = document.signers(before.body) >= before.body["threshold"]
        of_root = (document.head["root"], document.head["community"]) == (before.hash, self.community)
        return bool(own and of_old and of_root)

    def _node(self, document: Document, before: Document | None) -> bool:
        root = next((r for r in self.versions[("ROOT", "ROOT")] if r.hash == document.head["root"]), None)
        if root is None or document.head["community"] != self.community or document.head["id"] == "REGISTRY":
            return False
        node = document.head["id"]
        old = {key_id(node, key) for key in before.body["keys"]} if before else set()
        fresh = [key for key in document.body["keys"] if key_id(node, key) not in old and key["use"] != "ENCRYPT"]
        possessed = all(document.has(key_id(node, key), key["use"], key["public"]) for key in fresh)
        return bool(possessed and document.signers(root.body) >= root.body["threshold"])

    def _agreement(self, document: Document, before: Document | None) -> bool:
        if document.head["community"] != self.community:
            return False
        parties = {*document.body["parties"], *(before.body["parties"] if before else ())}
        agreed = [self._agrees(document, party) for party in parties]
        stopped = before and {**before.body, "status": document.body["status"]} == document.body
        return any(agreed) if stopped and document.body["status"] != "IN_FORCE" else all(agreed)

    def _agrees(self, document: Document, party: str) -> bool:
        keys = (key for node in self.versions.get(("NODE", party), [])[-1:] for key in node.body["keys"])
        usable = (key for key in keys if key["use"] == "AGREE" and key["reason"] != "COMPROMISED")
        return any(document.has(key_id(party, key), "AGREE", key["public"]) for key in usable)


def key_id(node: str, key: Values) -> bytes:
    """The id of a key."""
    return digest(frame("enlace/1 key", node, key["use"], key["suite"].to_bytes(4, "big"), key["public"]))


def read_document(data: bytes) -> Document:
    """Decode a SignedDocument, the Document in it and its body."""
    outer = decode("SignedDocument", data)
    head = decode("Document", outer["document"])
    inside = decode(BODIES[head["kind"]], head["body"])
    return Document(digest(outer["document"]), head, inside, outer["document"], outer["signatures"])


def load(files: Iterable[bytes], community: bytes) -> Knowledge:
    """The knowledge from these documents, which may be in any order."""
    knowledge = Knowledge(community)
    rank = ["ROOT", "NODE", "AGREEMENT"]
    documents = sorted(map(read_document, files), key=lambda d: (rank.index(d.head["kind"]), d.head["version"]))
    for document in documents:
        knowledge.add(document)
    return knowledge


def item_order(name: str, field_name: str, items: list[Any]) -> list[Any]:
    """The items as the set of a field: in the order of their encoding, without duplicates."""
    shape = next(f["type"]["items"] for f in resolve(name)["fields"] if f["name"] == field_name)
    unique = {body(shape, item): item for item in items}
    return [unique[raw] for raw in sorted(unique)]
