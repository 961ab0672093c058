"""Steps 1 to 12 of the second implementation: verifies a record from its bytes, then adds it to the chain.

Not implemented: proven time (`sealed_at` is used instead), forks that continue after `resume`, governance on the bus.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from tests.independent.avro import Malformed, decode
from tests.independent.documents import read_document
from tests.independent.knowledge import Knowledge
from tests.independent.primitives import climb, digest, frame, padded, signed

DAY = 86_400_000
STREAMS = re.compile(r"intel\.[a-z][a-z0-9-]*|keys|receipts|checkpoints|proposals|governance")
OPEN = {
    "KEY_GRANT": ("keys", "KeyGrant"),
    "RECEIPT": ("receipts", "Receipt"),
    "CHECKPOINT": ("checkpoints", "CheckpointBody"),
    "PROPOSAL": ("proposals", "SignedDocument"),
    "DOCUMENT": ("governance", "SignedDocument"),
}


class Refused(Exception):
    """A step rejects a record; `held` and `waiting` are codes too."""

    def __init__(self, step: int, code: str) -> None:
        super().__init__(f"{step} {code}")
        self.step, self.code = step, code


@dataclass(frozen=True, slots=True)
class Record:
    """A record that passed step 7."""

    batch: dict[str, Any]
    batch_hash: bytes
    header: dict[str, Any]
    header_raw: bytes
    content: bytes
    index: int
    body: dict[str, Any] | None
    """The decoded body of an open type; None for other types."""

    @property
    def stream(self) -> tuple[str, str]:
        """Originator and stream of the record."""
        return self.batch["originator"], self.batch["stream"]

    @property
    def sequence(self) -> int:
        """The sequence of the message in its stream."""
        return int(self.batch["first_sequence"]) + self.index


def parse(name: str, data: bytes, step: int, code: str) -> dict[str, Any]:
    """Decode a value. Raises Refused with this step and code."""
    try:
        return decode(name, data)
    except Malformed as error:
        raise Refused(step, code) from error


def verify(data: bytes, knowledge: Knowledge, originator: str, stream: str) -> Record:
    """Steps 1 to 7 for a record that was read in the topic of this originator and stream."""
    # 1
    if len(data) > 256 * 1024:
        raise Refused(1, "record_too_large")
    value = parse("SealedMessage", data, 1, "framing_invalid")
    if len(value["path"]) % 32:
        raise Refused(1, "framing_invalid")
    batch = _batch(value["batch"], knowledge.community, originator, stream)
    _signed(batch, value, knowledge)
    # 5
    path = [value["path"][at : at + 32] for at in range(0, len(value["path"]), 32)]
    leaf = digest(b"\0" + digest(value["header"]) + value["content_hash"])
    if value["index"] >= batch["size"] or climb(leaf, value["index"], batch["size"], path) != batch["root"]:
        raise Refused(5, "path_invalid")
    # 6
    if not value["content"] or digest(value["content"]) != value["content_hash"]:
        raise Refused(6, "content_mismatch")
    # 7
    header = parse("Header", value["header"], 7, "header_malformed")
    inside = _body(header, value["content"], batch, knowledge)
    return Record(batch, digest(value["batch"]), header, value["header"], value["content"], value["index"], inside)


def _batch(data: bytes, community: bytes, originator: str, stream: str) -> dict[str, Any]:
    """Step 2: the batch is well-formed, and belongs to this community, originator and stream."""
    batch = parse("Batch", data, 2, "batch_malformed")
    first, previous = batch["first_sequence"], batch["previous"]
    if first > 1 << 62 or (previous == bytes(32)) != (first == 1) or not STREAMS.fullmatch(batch["stream"]):
        raise Refused(2, "batch_malformed")
    if batch["stream"] == "governance" and batch["governance"] != first - 1:
        raise Refused(2, "batch_malformed")
    if batch["community"] != community:
        raise Refused(2, "community_mismatch")
    if (batch["originator"], batch["stream"]) != (originator, stream):
        raise Refused(2, "stream_mismatch")
    return batch


def _signed(batch: dict[str, Any], value: dict[str, Any], knowledge: Knowledge) -> None:
    """Steps 3 and 4. A record under unknown governance is held, unless the known documents already reject it."""
    if batch["suite"] != 1:
        raise Refused(3, "suite_unknown")
    node, key = knowledge.keys.get(batch["key_id"], (None, {}))
    held = batch["governance"] > 0 and batch["originator"] != "REGISTRY"
    if node is None:
        raise Refused(3, "held" if held else "key_unknown")
    may_write = held or batch["stream"] in writes(node, batch["sealed_at"], knowledge)
    if (node, key["use"]) != (batch["originator"], "SEAL") or not may_write:
        raise Refused(3, "key_use_wrong")
    if not signed("SEAL", key["public"], value["signature"], frame("enlace/1 batch", value["batch"])):
        raise Refused(4, "signature_invalid")
    if held:
        raise Refused(3, "held")


def writes(node: str, time: int, knowledge: Knowledge) -> list[str]:
    """The streams to which a node may write at a time."""
    if node == "REGISTRY":
        return ["checkpoints", "governance"]
    document = knowledge.begun("NODE", node, time)
    return document.body["streams"] if document else []


def _body(header: dict[str, Any], content: bytes, batch: dict[str, Any], knowledge: Knowledge) -> dict[str, Any] | None:
    """Step 7: type, stream and the other fields of the header agree. Returns the body of an open type."""
    kind = header["type"]
    if kind in OPEN:
        stream, name = OPEN[kind]
        fits = batch["stream"] == stream and header["sealing"] is None and header["expires_at"] == 0
        if not fits or header["refers_to"]:
            raise Refused(7, "header_malformed")
        value = parse(name, content, 7, "body_malformed")
        if name == "SignedDocument":
            parse_document(content)
        if kind == "CHECKPOINT":
            _checkpoint(value, batch, knowledge)
        entries = value["entries"] if kind == "KEY_GRANT" else []
        if any((entry["recipient"] == batch["originator"]) == bool(entry["clauses"]) for entry in entries):
            raise Refused(7, "body_malformed")
        return value
    expires = header["expires_at"]
    fits = batch["stream"].startswith("intel.") and header["sealing"] is not None and expires > 0 and expires % DAY == 0
    if not fits or bool(header["refers_to"]) != (kind == "RECALL"):
        raise Refused(7, "header_malformed")
    inner = len(content) - 60
    if not 1024 <= inner <= 258_048 or padded(inner) != inner:
        raise Refused(7, "body_malformed")
    return None


def parse_document(content: bytes) -> None:
    """Reject a SignedDocument whose inner bytes are not canonical."""
    try:
        read_document(content)
    except Malformed as error:
        raise Refused(7, "body_malformed") from error


def _checkpoint(value: dict[str, Any], batch: dict[str, Any], knowledge: Knowledge) -> None:
    parse("Checkpoint", value["checkpoint"], 7, "body_malformed")
    node, key = knowledge.keys.get(value["key_id"], ("", {"use": "", "public": b""}))
    data = frame("enlace/1 checkpoint", batch["community"], batch["originator"], value["checkpoint"])
    own = node == batch["originator"] and key["use"] == "CHECKPOINT"
    if not own or not signed("CHECKPOINT", key["public"], value["signature"], data):
        raise Refused(7, "body_malformed")


@dataclass(slots=True)
class Chain:
    """Steps 8 to 12 over all streams, in the order in which records arrive."""

    knowledge: Knowledge
    batches: dict[tuple[str, str], dict[bytes, Record]] = field(default_factory=dict)
    leaves: dict[tuple[bytes, int], Record] = field(default_factory=dict)
    ids: set[tuple[str, str, bytes]] = field(default_factory=set)
    grants: dict[tuple[str, int], Record] = field(default_factory=dict)
    findings: list[tuple[str, str, str, int]] = field(default_factory=list)
    corrections: dict[tuple[str, str], list[tuple[int, bytes, int]]] = field(default_factory=dict)
    """Stream -> sequence after a corrected batch, its hash, and its time."""

    def place(self, record: Record, now: int) -> None:
        """Add a record to the chain. Raises Refused at the step that rejects it."""
        known = self.batches.setdefault(record.stream, {})
        # 11, the part that decides whether the record is added at all
        _, key = self.knowledge.keys[record.batch["key_id"]]
        time = record.batch["sealed_at"]
        if not key["from"] <= time < (time + 1 if key["until"] is None else key["until"]):
            raise Refused(11, "key_not_valid")
        if record.stream[0] != "REGISTRY" and self.knowledge.at("NODE", record.stream[0], time) is None:
            raise Refused(11, "key_not_valid")
        # 8
        if (record.batch_hash, record.index) in self.leaves:
            raise Refused(8, "duplicate")
        if record.batch_hash not in known:
            self._extend(record, known)
        self.leaves[(record.batch_hash, record.index)] = record
        # 10
        name = (*record.stream, record.header["message_id"])
        if name in self.ids:
            raise Refused(10, "message_id_reused")
        self.ids.add(name)
        if record.header["type"] == "KEY_GRANT":
            self.grants[(record.stream[0], record.sequence)] = record
        if record.header["type"] == "CHECKPOINT":
            self._correct(record)
        # 11
        if self._time(record) > now + 300_000:
            raise Refused(11, "held")

    def _correct(self, record: Record) -> None:
        """What a checkpoint says about the own streams of its originator."""
        checkpoint = decode("Checkpoint", (record.body or {})["checkpoint"])
        for head in checkpoint["heads"]:
            if head["originator"] == record.stream[0]:
                corrected = head["next_sequence"], head["batch"], checkpoint["time"]
                self.corrections.setdefault((head["originator"], head["stream"]), []).append(corrected)

    def _time(self, record: Record) -> int:
        """The time of a record in step 11."""
        known = self.corrections.get(record.stream, ())
        return min([int(record.batch["sealed_at"]), *(time for after, _, time in known if record.sequence < after)])

    def _dated(self, record: Record) -> int:
        """The time of a batch in step 9."""
        known = self.corrections.get(record.stream, ())
        return min([int(record.batch["sealed_at"]), *(time for _, batch, time in known if batch == record.batch_hash)])

    def _extend(self, record: Record, known: dict[bytes, Record]) -> None:
        """Steps 8 and 9 for the first leaf of a batch."""
        batch = record.batch
        start, end = batch["first_sequence"], batch["first_sequence"] + batch["size"]
        for other in (r.batch for r in known.values()):
            overlaps = start < other["first_sequence"] + other["size"] and other["first_sequence"] < end
            if overlaps or batch["previous"] == other["previous"]:
                raise Refused(8, "equivocation")
        before = known.get(batch["previous"])
        if before is not None:
            follows = start == before.batch["first_sequence"] + before.batch["size"]
            if not follows or batch["sealed_at"] < self._dated(before):
                raise Refused(9, "chain_invalid")
        elif start > 1:
            self.findings.append(("chain_gap" if known else "head_truncated", *record.stream, start))
        known[record.batch_hash] = record
