"""How far each topic was read: the position to go on from, and the highest sequence that has a place in the chain."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, update

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.statements import change
from node.database.stream_tables import reading
from node.stages import StreamId

_PUT: Final = Upsert(
    reading,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["topic"],
        set_={name: insert.excluded[name] for name in ("position", "highest", "digest", "appended_at")},
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReading:
    """How far a topic was read."""

    topic: str
    position: int
    """Where to go on reading."""

    highest: int
    """The highest sequence that has a place in the chain."""


def readings(db: Transaction) -> list[StreamReading]:
    """How far each topic was read; a topic that was never read is absent."""
    rows = db.execute(select(reading.c.topic, reading.c.position, reading.c.highest))
    return [StreamReading(topic=row.topic, position=row.position, highest=row.highest) for row in rows]


def next_positions(db: Transaction) -> dict[str, int]:
    """The position to go on from, by topic, of each topic that was read."""
    rows = db.execute(select(reading.c.topic, reading.c.position))
    return {topic: position for topic, position in rows}


@dataclass(frozen=True, slots=True)
class Mark:
    """A position, and the digest of the record before it."""

    position: int
    digest: bytes


def marks(db: Transaction) -> dict[str, Mark]:
    """The marks by topic; a topic that was read only by an earlier version has none."""
    rows = db.execute(
        select(reading.c.topic, reading.c.position, reading.c.digest).where(reading.c.digest.is_not(None))
    )
    return {topic: Mark(position, digest) for topic, position, digest in rows}


def put(db: Transaction, rows: Iterable[tuple[str, StreamId, int, int, bytes | None, int | None]]) -> None:
    """Store (topic, place, position, highest sequence, and of the record before: digest, time of the log)."""
    values = [
        {
            "topic": topic,
            "stream": place.stream,
            "originator": place.originator,
            "position": position,
            "highest": highest,
            "digest": digest,
            "appended_at": appended_at,
        }
        for topic, place, position, highest, digest, appended_at in rows
    ]
    change(db, _PUT, values)


def move(db: Transaction, topic: str, position: int) -> None:
    """Go on reading a topic, which was read before, at another position."""
    db.execute(update(reading).where(reading.c.topic == topic).values(position=position, digest=None))


def raise_highest(db: Transaction, place: StreamId, value: int) -> None:
    """Note the highest sequence of a stream in which a record took its place without being read from the log now."""
    db.execute(
        update(reading)
        .where(reading.c.originator == place.originator, reading.c.stream == place.stream, reading.c.highest < value)
        .values(highest=value)
    )


def highest(db: Transaction, topic: str) -> int:
    """The highest sequence that has a place in the stream of `topic`; 0 without one."""
    return db.scalar(select(reading.c.highest).where(reading.c.topic == topic)) or 0
