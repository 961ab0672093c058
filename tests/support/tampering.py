"""An honest exchange as lists of values, and what the operator of the broker can do to one of its streams.

Each case is a pure function from the values of a topic to other values, and lists all findings that an auditor must
then have. `load` writes a history to any log, so that every case runs on each implementation.

The cases change the stream `TOPIC`. Its batches have 1, 3, 2, 1, 4 and 1 messages, with one record for each message.
In the honest history the record at position n has sequence n + 1.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from broker.streams import topic_of
from broker.topology import topics_of
from node.limits import DAY_MS
from node.primitives import digest
from node.stages import Leaf, StreamHead
from node.trust.governance import Governance, load_governance
from schemas.avro import codec
from schemas.types import Batch, Header, MessageType, SealedMessage, Sealing
from tests.support.community import STREAMS, T0, YEAR, Community
from tests.support.exchange import TOPOLOGY, exchange
from tests.support.logs import Harness, read_all, spec
from tests.support.records import (
    Author,
    changed,
    parts,
    resigned,
    seal_key,
)

Values = list[bytes | None]
TOPIC: Final = "intel.caribbean.bz"
OTHER_STREAM: Final = "keys.bz"
OTHER_ORIGINATOR: Final = "intel.caribbean.gt"
SIZES: Final = (1, 3, 2, 1, 4, 1)
LENGTH: Final = sum(SIZES)
NODES: Final = ("BZ", "GT", "ES")


@dataclass(frozen=True, kw_only=True)
class History:
    """The values that the nodes wrote to each topic, and the documents that were in force."""

    values: Mapping[str, Values]
    documents: tuple[bytes, ...]
    community: bytes

    @property
    def governance(self) -> Governance:
        """The governance of these documents."""
        return load_governance(self.documents, self.community)

    def with_values(self, values: Values, topic: str = TOPIC) -> "History":
        """The same history with one topic replaced."""
        return History(values={**self.values, topic: values}, documents=self.documents, community=self.community)

    def write_documents(self, folder: Path) -> Path:
        """The documents as files."""
        folder.mkdir()
        for number, document in enumerate(self.documents):
            (folder / f"{number}.signed").write_bytes(document)
        return folder


@cache
def honest() -> History:
    """The history of three real nodes: five streams with records, in batches of several sizes."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_honest(Path(folder)))


async def _honest(folder: Path) -> History:
    community = Community(NODES)
    community.agreement("ALL", NODES)
    async with exchange(folder, *NODES, community=community) as made:
        for code, sizes in {"BZ": SIZES, "GT": (2, 1), "ES": (3,)}.items():
            node, number = made.nodes[code], 0
            for size in sizes:
                texts = [f"A boat, number {number + index}, at night." for index in range(size)]
                drafts = [node.draft(narrative={"text": text, "language": "en"}) for text in texts]
                await node.accept(drafts)
                await node.relay.step()
                number += size
        listed = {topic_of(stream, code) for code in NODES for stream in STREAMS}
        bounds = await made.bus.bounds(topics_of(TOPOLOGY))
        values: dict[str, Values] = {
            topic: [entry.value for entry in await read_all(made.bus, topic, bounds[topic].end)]
            if topic in bounds
            else []
            for topic in sorted(listed | bounds.keys())
        }
    assert len(values[TOPIC]) == LENGTH
    return History(values=values, documents=tuple(community.documents), community=community.community)


async def load(harness: Harness, history: History) -> None:
    """Delete the topics of `history` on a bus, and create them with exactly its values."""
    log, specs = harness.open(), [spec(topic) for topic in history.values]
    made = await log.provision(specs)
    for topic in history.values.keys() - set(made.created):
        await harness.delete_topic(topic)
    await log.provision(specs)
    for topic, values in history.values.items():
        if values:
            await harness.write_foreign(topic, values)


# Tools of a forger and of an originator.


def record(value: bytes | None) -> SealedMessage:
    """The envelope of a value of the honest history."""
    assert value is not None
    return parts(value)


def batch_of(value: bytes | None) -> Batch:
    """The signed batch of a record."""
    return codec.decode(Batch, record(value).batch)


def author_after(value: bytes | None, code: str = "BZ") -> Author:
    """The originator with its own key, and with the head that it had after the batch of `value`."""
    batch = batch_of(value)
    head = StreamHead(
        next_sequence=batch.first_sequence + batch.size,
        batch_hash=digest(record(value).batch),
        sealed_at=batch.sealed_at,
    )
    return Author(code=code, community=batch.community, heads={batch.stream: head}, now=batch.sealed_at)


def leaf(message_id: bytes = b"\xee" * 16) -> Leaf:
    """A message that passes steps 1 to 7. It cannot be opened."""
    header = Header(
        message_id=message_id,
        type=MessageType.MESSAGE,
        refers_to=(),
        expires_at=DAY_MS,
        sealing=Sealing(audience_key_id=bytes(32), grant=1, labels_hash=bytes(32)),
    )
    return Leaf(header=codec.encode(header), content=bytes(60 + 1024))


def flipped(data: bytes, at: int = -1) -> bytes:
    """The bytes with one bit changed."""
    out = bytearray(data)
    out[at] ^= 1
    return bytes(out)


# Cases.


@dataclass(frozen=True, kw_only=True)
class Case:
    """A change of `TOPIC`, and all findings that it must cause: (code, sequence, position)."""

    tamper: Callable[[Values], Values]
    found: frozenset[tuple[str, int | None, int | None]] = frozenset()
    duplicates: int = 0


def case(tamper: Callable[[Values], Values], *found: tuple[str, int | None, int | None], duplicates: int = 0) -> Case:
    """A case with its findings."""
    return Case(tamper=tamper, found=frozenset(found), duplicates=duplicates)


def edit(at: int, change: Callable[[bytes], bytes | None]) -> Callable[[Values], Values]:
    """Change the record at a position."""

    def tamper(values: Values) -> Values:
        value = values[at]
        assert value is not None
        return [*values[:at], change(value), *values[at + 1 :]]

    return tamper


def field(name: str, at: int = -1) -> Callable[[bytes], bytes]:
    """Change one bit of a field of the envelope."""
    return lambda value: changed(value, **{name: flipped(getattr(parts(value), name), at)})


def delete(*gone: int) -> Callable[[Values], Values]:
    """Delete the records at these positions."""
    return lambda values: [value for at, value in enumerate(values) if at not in gone]


def order(*positions: int) -> Callable[[Values], Values]:
    """Keep the records at these positions, in this order."""
    return lambda values: [values[at] for at in positions]


def swap(first: int, other: int) -> Callable[[Values], Values]:
    """Swap two records."""
    positions = list(range(LENGTH))
    positions[first], positions[other] = other, first
    return order(*positions)


def insert(at: int, *new: bytes | None) -> Callable[[Values], Values]:
    """Insert records before the record at a position."""
    return lambda values: [*values[:at], *new, *values[at:]]


def insert_made(at: int, make: Callable[[Values], Iterable[bytes]]) -> Callable[[Values], Values]:
    """Insert records that are made from the honest ones."""
    return lambda values: insert(at, *make(values))(values)


def appended(**batch: Any) -> Callable[[Values], Values]:
    """Append the next batch of the originator, with wrong fields."""
    return insert_made(LENGTH, lambda values: author_after(values[-1]).batch([leaf()], **batch))


def used_id(values: Values) -> Iterable[bytes]:
    """The next batch, which uses the id of the third message again."""
    header = codec.decode(Header, record(values[2]).header)
    return author_after(values[-1]).batch([leaf(header.message_id)])


def fork_at_7(values: Values) -> Iterable[bytes]:
    """A second batch behind sequence 6, signed by the right key."""
    return author_after(values[5]).batch([leaf()])


def signed_by_gt(value: bytes) -> bytes:
    """The batch of BZ with the key id and signature of GT."""
    batch = codec.decode(Batch, parts(value).batch)
    key = seal_key("GT")
    return resigned(value, codec.unsafe_encode(_with(batch, key_id=key.key_id)), key)


def _with(batch: Batch, **fields: Any) -> Batch:
    values = {name: getattr(batch, name) for name in Batch.__struct_fields__}
    return Batch(**values | fields)


def _in_batch(name: str, value: Any) -> Callable[[bytes], bytes]:
    """Change a field of the batch, and keep the old signature."""

    def change(old: bytes) -> bytes:
        batch = codec.decode(Batch, parts(old).batch)
        return changed(old, batch=codec.unsafe_encode(_with(batch, **{name: value})))

    return change


def edited(at: int, change: Callable[[bytes], bytes | None], code: str) -> Case:
    """A case that edits a record: it is rejected, and its sequence is missing unless it was the last."""
    found: list[tuple[str, int | None, int]] = [(code, None, at)]
    if at < LENGTH - 1:
        found.append(("chain_gap" if at else "head_truncated", at + 1, at + 1))
    return case(edit(at, change), *found)


def late(at: Mapping[int, int]) -> list[tuple[str, int | None, int]]:
    """`out_of_order` for each sequence at its position."""
    return [("out_of_order", sequence, position) for sequence, position in at.items()]


STRANGERS: Final = Community((), threshold=1)

CASES: Final[dict[str, Case]] = {
    "nothing changed": case(lambda values: values),
    "header edited": edited(3, field("header"), "path_invalid"),
    "content hash edited": edited(3, field("content_hash"), "path_invalid"),
    "content edited": edited(3, field("content"), "content_mismatch"),
    "first byte of the content edited": edited(3, field("content", 0), "content_mismatch"),
    "content emptied": edited(3, lambda value: changed(value, content=b""), "content_mismatch"),
    "batch edited in its key": edited(3, field("batch"), "key_unknown"),
    "batch edited in its root": edited(3, _in_batch("root", bytes(32)), "signature_invalid"),
    "batch edited in its sequence": edited(3, _in_batch("first_sequence", 3), "signature_invalid"),
    "batch edited in its governance": edited(3, _in_batch("governance", 7), "signature_invalid"),
    "batch edited in its community": edited(3, _in_batch("community", bytes(32)), "community_mismatch"),
    "batch edited in its stream": edited(3, _in_batch("stream", "keys"), "stream_mismatch"),
    "batch cut": edited(3, lambda value: changed(value, batch=parts(value).batch[:-1]), "batch_malformed"),
    "signature edited": edited(3, field("signature"), "signature_invalid"),
    "index edited": edited(3, lambda value: changed(value, index=1), "path_invalid"),
    "path edited": edited(3, field("path"), "path_invalid"),
    "path cut": edited(3, lambda value: changed(value, path=b""), "path_invalid"),
    "framing edited": edited(3, lambda value: flipped(value, 0), "framing_invalid"),
    "a byte added": edited(3, lambda value: value + b"\x00", "framing_invalid"),
    "a byte cut": edited(3, lambda value: value[:-1], "framing_invalid"),
    "value emptied": edited(3, lambda _: b"", "framing_invalid"),
    "value removed": edited(3, lambda _: None, "framing_invalid"),
    "signed again by another node": edited(3, signed_by_gt, "key_use_wrong"),
    "first record edited": edited(0, field("content"), "content_mismatch"),
    "last record edited": edited(LENGTH - 1, field("content"), "content_mismatch"),
    "first of a batch edited": edited(1, field("signature"), "signature_invalid"),
    "first deleted": case(delete(0), ("head_truncated", 1, 0)),
    "a batch of one deleted": case(delete(6), ("chain_gap", 7, 6)),
    "inside a batch deleted": case(delete(2), ("chain_gap", 3, 2)),
    "first of a batch deleted": case(delete(1), ("chain_gap", 2, 1)),
    "last of a batch deleted": case(delete(10), ("chain_gap", 11, 10)),
    "a whole batch deleted": case(delete(7, 8, 9, 10), ("chain_gap", 8, 7)),
    "across two batches deleted": case(delete(5, 6, 7), ("chain_gap", 6, 5)),
    "at two places deleted": case(delete(2, 8), ("chain_gap", 3, 2), ("chain_gap", 9, 7)),
    "every second deleted": case(
        delete(*range(1, LENGTH, 2)), *(("chain_gap", 2 * n, n) for n in range(1, LENGTH // 2))
    ),
    "the tail deleted, inside a batch": case(delete(9, 10, 11), ("leaf_missing", 10, None)),
    "the tail deleted, behind a whole batch, which a chain cannot show": case(delete(11)),
    "neighbours in a batch swapped": case(swap(2, 3), *late({3: 3})),
    "neighbours of two batches swapped": case(swap(3, 4), *late({4: 4})),
    "the first two swapped": case(swap(0, 1), *late({1: 1})),
    "the last two swapped": case(swap(10, 11), *late({11: 11})),
    "two batches swapped": case(order(0, 1, 2, 3, 6, 4, 5, 7, 8, 9, 10, 11), *late({5: 5, 6: 6})),
    "distant ones swapped": case(swap(2, 8), *late({4: 3, 5: 4, 6: 5, 7: 6, 8: 7, 3: 8})),
    "one moved to the end": case(order(0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 6), *late({7: 11})),
    "foreign bytes inserted": case(insert(5, b"no record at all"), ("framing_invalid", None, 5)),
    "foreign bytes inserted at both ends": case(
        lambda values: [b"x", *values, None], ("framing_invalid", None, 0), ("framing_invalid", None, LENGTH + 1)
    ),
    "a value that is too large inserted": case(insert(5, bytes(256 * 1024 + 1)), ("record_too_large", None, 5)),
    "another stream's record inserted": case(
        insert_made(5, lambda _: _values(OTHER_STREAM)[:1]), ("stream_mismatch", None, 5)
    ),
    "another originator's record inserted": case(
        insert_made(5, lambda _: _values(OTHER_ORIGINATOR)[:1]), ("stream_mismatch", None, 5)
    ),
    "another community's record inserted": case(
        insert_made(5, lambda _: Author(code="BZ", community=STRANGERS.community).batch([leaf()])),
        ("community_mismatch", None, 5),
    ),
    "a record repeated at once": case(insert_made(4, lambda values: _known(values[3:4])), duplicates=1),
    "a record repeated later": case(insert_made(LENGTH, lambda values: _known(values[2:3])), duplicates=1),
    "a batch repeated": case(insert_made(11, lambda values: _known(values[7:11])), duplicates=4),
    "everything repeated": case(lambda values: values + values, duplicates=LENGTH),
    "a prefix sent again, as after a lost answer": case(lambda values: values[:9] + values[7:], duplicates=2),
    "a second batch of the right key": case(insert_made(LENGTH, fork_at_7), ("equivocation", 7, LENGTH)),
    "a second batch of the right key, before the first": case(
        insert_made(6, fork_at_7), ("equivocation", 7, 7), ("chain_gap", 8, 8)
    ),
    "a batch that leaves out sequences": case(appended(first_sequence=LENGTH + 3), ("chain_invalid", 15, LENGTH)),
    "a batch sealed before its predecessor": case(appended(sealed_at=T0 + DAY_MS), ("chain_invalid", 13, LENGTH)),
    "a batch after a batch that is not in the log": case(
        appended(first_sequence=LENGTH + 3, previous=bytes([7] * 32)), ("chain_gap", 13, LENGTH)
    ),
    "a message id used again": case(insert_made(LENGTH, used_id), ("message_id_reused", 13, LENGTH)),
    "sealed when the document was over": case(appended(sealed_at=T0 + YEAR), ("key_not_valid", 13, LENGTH)),
    "under documents that the reader does not have": case(appended(governance=3), ("held", None, LENGTH)),
}


def _values(topic: str) -> list[bytes]:
    return _known(honest().values[topic])


def _known(values: Sequence[bytes | None]) -> list[bytes]:
    return [value for value in values if value is not None]


def topic(stream: str, originator: str) -> str:
    """The topic of a row of an answer."""
    return topic_of(stream, originator)
