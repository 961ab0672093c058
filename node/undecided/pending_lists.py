"""What people and alarms see of the records that wait or are held, without their bytes."""

from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import bindparam, func, select

from node.database.engine import Transaction
from node.database.record_tables import pending
from node.database.statements import rows_for
from node.database.stream_tables import granted

OVERDUE_LISTED_MAX: Final = 1000


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
        .order_by(pending.c.received_at, pending.c.id)
        .limit(OVERDUE_LISTED_MAX)
    )
    return [
        OverdueRecord(id=row.id, originator=row.originator, stream=row.stream, sequence=row.sequence, reason=row.reason)
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueGroup:
    """Records of one originator that have been in one state too long."""

    originator: str
    outcome: str
    reason: str
    records: int
    first_received_at: int


def overdue(db: Transaction, before: int) -> list[OverdueGroup]:
    """The pending records that arrived before a time in ms, by originator, outcome and reason."""
    columns = (pending.c.originator, pending.c.outcome, pending.c.reason)
    counted = (func.count().label("records"), func.min(pending.c.received_at).label("first_received_at"))
    rows = db.execute(
        select(*columns, *counted).where(pending.c.received_at < before).group_by(*columns).order_by(*columns)
    )
    return [OverdueGroup(**row) for row in rows.mappings()]


_OLDEST: Final = (
    select(pending.c.received_at)
    .where(pending.c.outcome == bindparam("outcome"))
    .order_by(pending.c.received_at)
    .limit(1)
)


def oldest(db: Transaction, outcome: str) -> int | None:
    """When the oldest record that is `waiting` or `held` arrived, in ms; None if there is none."""
    rows = rows_for(db, _OLDEST, {"outcome": outcome})
    return rows[0].received_at if rows else None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRecord:
    """A record that waits or is held, without its bytes."""

    id: int
    originator: str
    stream: str
    topic: str
    position: int
    sequence: int
    message_id: bytes | None
    outcome: str
    reason: str
    size: int
    received_at: int


def kept(db: Transaction, *, originator: str | None = None) -> list[KeptRecord]:
    """Every pending record, or those of one originator, the oldest first."""
    names = tuple(field.name for field in fields(KeptRecord) if field.name != "size")
    statement = select(*(pending.c[name] for name in names), func.length(pending.c.value).label("size"))
    if originator is not None:
        statement = statement.where(pending.c.originator == originator)
    return [KeptRecord(**row) for row in db.execute(statement.order_by(pending.c.id)).mappings()]
