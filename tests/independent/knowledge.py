"""Reads keys, nodes and agreements from SignedDocument files, for the second implementation.

Documents without the required signatures are ignored. Not implemented: the revoke threshold (a NODE version needs the
full threshold), `resume`, and the checks that Ed25519 keys are on the curve.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.independent.avro import body, resolve
from tests.independent.documents import Document, Values, key_id, read_document, stops

LENGTHS = {"SEAL": 32, "AGREE": 32, "CHECKPOINT": 1952, "ENCRYPT": 1216}
ZERO = bytes(32)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The documents by kind and id, in the order of their versions, and the keys by key id."""

    community: bytes
    hash: bytes = ZERO  # what a first version names as the one before it
    known: dict[bytes, int] = field(default_factory=dict)
    stops: dict[str, list[Document]] = field(default_factory=dict)
    versions: dict[tuple[str, str], list[Document]] = field(default_factory=dict)
    names: dict[bytes, str] = field(default_factory=dict)  # of agreements, by hash: the id and the first parties
    keys: dict[bytes, tuple[str, Values]] = field(default_factory=dict)

    def at(self, kind: str, name: str, time: int) -> Document | None:
        """The version that applies at a time; None without one."""
        version = self.begun(kind, name, time)
        return version if version and time < self.end(version) else None

    def end(self, document: Document) -> int:
        """When a document ends: a NODE not after the ROOT that it names."""
        named = [r for r in self.versions[("ROOT", "ROOT")] if r.hash == document.head["root"]]
        ends: list[int] = [d.head["until"] for d in [document, *(named if document.head["kind"] == "NODE" else [])]]
        return min(ends)

    def begin(self, document: Document) -> int:
        """When a document begins: a stop of an agreement not before it was first here."""
        begin: int = document.head["from"]
        return max(begin, self.known.get(document.hash, begin)) if document.stopped else begin

    def begun(self, kind: str, name: str, time: int) -> Document | None:
        """The highest version with `from` <= time, even if `until` has passed."""
        return next((d for d in reversed(self.versions.get((kind, name), [])) if d.head["from"] <= time), None)

    def agreement(self, hash_: bytes) -> Document | None:
        """The agreement version with this hash; None without one."""
        lists = [*(all_ for (kind, _), all_ in self.versions.items() if kind == "AGREEMENT"), *self.stops.values()]
        return next((d for all_ in lists for d in all_ if d.hash == hash_), None)

    def in_force(self, agreement: Document, time: int) -> bool:
        """Whether this version applies at this time and has the status IN_FORCE."""
        name, number = self.name(agreement), agreement.head["version"]
        higher = [d for d in self.versions.get(("AGREEMENT", name), []) if d.head["version"] > number]
        stopping = [d for d in self.stops.get(name, []) if d.head["version"] >= number]
        replaced = any(self.begin(d) <= time for d in [*higher, *stopping])
        return bool(agreement.head["from"] <= time < agreement.head["until"] and not replaced and not agreement.stopped)

    def name(self, document: Document) -> str:
        """What a document is a version of: an AGREEMENT of its id and the parties of its first version."""
        head, name = document.head, str(document.head["id"])
        if head["kind"] != "AGREEMENT":
            return name
        if head["version"] == 1:
            return "/".join([name, *document.body["parties"]])
        return self.names.get(document.hash) or self.names.get(head["previous"], name)

    def add(self, document: Document) -> bool:
        """Add the next version of an id if it has the signatures that its kind needs; returns whether it has."""
        head = document.head
        trustees = [(trustee["id"], trustee["key"]) for trustee in document.body.get("trustees", [])]
        node = "REGISTRY" if head["kind"] == "ROOT" else head["id"]
        listed: list[Values] = document.body.get("registry_keys") or document.body.get("keys") or []
        own = [(node, key) for key in listed]
        if any(key["suite"] != 1 or len(key["public"]) != LENGTHS[key["use"]] for _, key in trustees + own):
            return False
        if any(sum(valid(other, key["from"]) and other["use"] == key["use"] for other in listed) > 4 for key in listed):
            return False
        name = self.name(document)
        earlier = self.versions.setdefault((head["kind"], name), [])
        before = next((d for d in [*earlier, *self.stops.get(name, [])] if d.hash == head["previous"]), None)
        if (
            head["version"] != (before.head["version"] + 1 if before else 1)
            or (before or self).hash != head["previous"]
        ):
            return False
        if not {"ROOT": self._root, "NODE": self._node, "AGREEMENT": self._agreement}[head["kind"]](document, before):
            return False
        self.names[document.hash] = name
        if before and head["kind"] == "AGREEMENT" and stops(document, before):
            self.stops.setdefault(name, []).append(document)
            return True
        if any(d.head["version"] == head["version"] for d in earlier):
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
        node, begin = document.head["id"], document.head["from"]
        roots = [
            root,
            *(r for r in [self.begun("ROOT", "ROOT", begin)] if r and r.head["version"] > root.head["version"]),
        ]
        if any(begin >= needed.head["until"] for needed in roots):
            return False
        old = {key_id(node, key) for key in before.body["keys"]} if before else set()
        fresh = [key for key in document.body["keys"] if key_id(node, key) not in old and key["use"] != "ENCRYPT"]
        possessed = all(document.has(key_id(node, key), key["use"], key["public"]) for key in fresh)
        adds = before and any(
            key["use"] in ("ENCRYPT", "AGREE") and key_id(node, key) not in old for key in document.body["keys"]
        )
        lost = {key_id(node, key) for key in document.body["keys"] if key["reason"] == "COMPROMISED"}
        old_keys = before.body["keys"] if before and adds else ()
        agree = [
            key for key in old_keys if key["use"] == "AGREE" and document.counts(key) and key_id(node, key) not in lost
        ]
        if agree and not any(document.has(key_id(node, key), "AGREE", key["public"]) for key in agree):
            return False
        everyone = bool(adds and not agree)
        return bool(possessed and all(self._enough(document, needed.body, everyone) for needed in roots))

    def _enough(self, document: Document, root: Values, everyone: bool) -> bool:
        usable = sum(document.counts(trustee["key"]) for trustee in root["trustees"]) if everyone else 0
        return bool(document.signers(root) >= max(root["threshold"], usable))

    def _agreement(self, document: Document, before: Document | None) -> bool:
        parties = {*document.body["parties"], *(before.body["parties"] if before else ())}
        agreed = [document.head["community"] == self.community and self._agrees(document, party) for party in parties]
        return any(agreed) if before and stops(document, before) else all(agreed)

    def _agrees(self, document: Document, party: str) -> bool:
        keys = (key for node in self.versions.get(("NODE", party), [])[-1:] for key in node.body["keys"])
        usable = (key for key in keys if key["use"] == "AGREE" and document.counts(key))
        return any(document.has(key_id(party, key), "AGREE", key["public"]) for key in usable)


def valid(key: Values, time: int) -> bool:
    """Whether a key is valid at a time."""
    return bool(key["from"] <= time and (key["until"] is None or time < key["until"]))


def load(files: Iterable[bytes], community: bytes, known: dict[bytes, int] | None = None) -> Knowledge:
    """The knowledge from these documents, in any order; `known` is since when a stop was here, by its hash."""
    knowledge = Knowledge(community, known=known or {})
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
