"""Records that cannot be decided yet: they wait for a grant or a private key, or are held until a time.

Each is kept with its bytes, and looked at again (node/exchange/retry.py). A decided record leaves no row here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, func, select

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.record_tables import pending
from node.database.statements import change
from node.database.stream_tables import granted
from node.stages import StreamId

OVERDUE_LISTED_MAX = 1000

_CHANGING: Final = ("sequence", "message_id", "outcome", "reason", "grant", "due_at", "placed")
_OF_RECORD: Final = (*_CHANGING, "topic", "position", "received_at", "value")
_PUT: Final = Upsert(
    pending,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["topic", "position"], set_={name: insert.excluded[name] for name in _CHANGING}
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRecord:
    """A record that waits or is held, with its bytes."""

    topic: str
    position: int
    place: StreamId
    sequence: int
    message_id: bytes | None
    outcome: str
    """`waiting` or `held`."""

    reason: str
    grant: int | None
    """The sequence of the grant that it names."""

    due_at: int | None
    """When a held record may be looked at again, in ms."""

    placed: bool
    """It has its place in the chain."""

    value: bytes
    received_at: int
    id: int = 0
    """0 for a record that has no row yet."""


def put(db: Transaction, records: Sequence[PendingRecord]) -> None:
    """Keep records that wait or are held. A record that has a row keeps its id and the time of its arrival."""
    rows = [
        {name: getattr(record, name) for name in _OF_RECORD}
        | {"originator": record.place.originator, "stream": record.place.stream}
        for record in records
    ]
    change(db, _PUT, rows)


def present(db: Transaction, ids: Collection[int]) -> set[int]:
    """Those of the ids that still have a row."""
    if not ids:
        return set()
    return set(db.execute(select(pending.c.id).where(pending.c.id.in_(ids))).scalars())


def drop(db: Transaction, ids: Collection[int]) -> None:
    """Delete the rows of records that were decided."""
    if ids:
        db.execute(delete(pending).where(pending.c.id.in_(ids)))


def counts_by_originator(db: Transaction) -> dict[str, int]:
    """How many records of each originator are pending, for its quota."""
    rows = db.execute(select(pending.c.originator, func.count()).group_by(pending.c.originator))
    return {originator: count for originator, count in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueRecord:
    """A record that has waited too long."""

    id: int
    originator: str
    stream: str
    sequence: int
    reason: str


def waiting_since(db: Transaction, before: int) -> list[OverdueRecord]:
    """At most OVERDUE_LISTED_MAX records that arrived before a time in ms and still wait."""
    columns = (pending.c.id, pending.c.originator, pending.c.stream, pending.c.sequence, pending.c.reason)
    rows = db.execute(
        select(*columns)
        .where(pending.c.outcome == "waiting", pending.c.received_at < before)
        .order_by(pending.c.id)
        .limit(OVERDUE_LISTED_MAX)
    )
    return [
        OverdueRecord(id=row.id, originator=row.originator, stream=row.stream, sequence=row.sequence, reason=row.reason)
        for row in rows
    ]


def waits_for_arrived_grant(db: Transaction) -> bool:
    """Whether a record waits for a grant that has arrived: it will be looked at again in a moment."""
    statement = select(pending.c.id).where(
        pending.c.reason == "grant",
        select(granted.c.sequence)
        .where(granted.c.originator == pending.c.originator, granted.c.sequence == pending.c.grant)
        .exists(),
    )
    return db.scalar(statement.limit(1)) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingMessage:
    """What is known of a message that waits or is held."""

    message_id: bytes
    originator: str
    stream: str
    sequence: int
    received_at: int
    outcome: str
    reason: str


def by_message_id(db: Transaction, message_id: bytes) -> list[PendingMessage]:
    """The pending messages with this id."""
    return [
        PendingMessage(
            message_id=message_id,
            originator=row.originator,
            stream=row.stream,
            sequence=row.sequence,
            received_at=row.received_at,
            outcome=row.outcome,
            reason=row.reason,
        )
        for row in db.execute(select(pending).where(pending.c.message_id == message_id).order_by(pending.c.id))
    ]
