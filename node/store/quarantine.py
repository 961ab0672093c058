"""The quarantine: records that failed a step of the verification, kept with their bytes and the code.

The same bytes in the same topic are one row. A record that fails before step 8 may come from anyone, so the number of
such records in a topic and day is limited.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, func, insert, select

from broker.streams import KEYS
from node.database.engine import Transaction
from node.database.record_tables import quarantine
from node.limits import DAY_MS
from node.primitives import digest
from node.stages import StreamId
from node.store import counters

UNAUTHENTICATED_PER_DAY_MAX: Final = 1000  # quarantined records of a topic and day whose signature was not verified
AUTHENTICATED_STEP: Final = 8
_ID_NAMESPACE: Final = uuid.UUID("6d6f6e6f-7465-4e6c-8163-65656e6c6163")


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRecord:
    """A record that failed a step, as it was read."""

    code: str
    step: int
    detail: str
    topic: str
    place: StreamId
    position: int
    sequence: int | None
    value: bytes
    placed: bool = False
    """It has its place in the chain."""

    @property
    def id(self) -> str:
        """The id of its row: the same for the same bytes in the same topic, with any code."""
        name = f"{self.topic} {digest(self.value).hex()}"
        return str(uuid.uuid5(_ID_NAMESPACE, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineEntry:
    """A record in quarantine, without its bytes."""

    id: str
    code: str
    step: int
    originator: str
    stream: str
    position: int
    sequence: int | None
    size: int
    """In bytes."""

    received_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRecord:
    """A record in quarantine, with its bytes."""

    id: str
    record: RejectedRecord
    received_at: int

    @property
    def entry(self) -> QuarantineEntry:
        """The same without the bytes."""
        return QuarantineEntry(
            id=self.id,
            code=self.record.code,
            step=self.record.step,
            originator=self.record.place.originator,
            stream=self.record.place.stream,
            position=self.record.position,
            sequence=self.record.sequence,
            size=len(self.record.value),
            received_at=self.received_at,
        )


def add(db: Transaction, records: Sequence[RejectedRecord], now: int) -> int:
    """Keep rejected records; returns how many had a row already. Those above the quota are counted, not kept."""
    if not records:
        return 0
    known = present(db, [record.id for record in records])
    today: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    repeated, above = 0, 0
    for record in records:
        if record.id in known:
            repeated += 1
            continue
        known.add(record.id)
        if record.step < AUTHENTICATED_STEP:
            if record.topic not in today:
                today[record.topic] = _unauthenticated_today(db, record.topic, now)
            today[record.topic] += 1
            if today[record.topic] > UNAUTHENTICATED_PER_DAY_MAX:
                above += 1
                continue
        rows.append(_columns(record, now))
    if rows:
        db.execute(insert(quarantine), rows)
    counters.increase(db, {"quarantine_overflow": above})
    return repeated


def _columns(record: RejectedRecord, received_at: int) -> dict[str, Any]:
    return {
        "id": record.id,
        "code": record.code,
        "step": record.step,
        "detail": record.detail,
        "topic": record.topic,
        "originator": record.place.originator,
        "stream": record.place.stream,
        "position": record.position,
        "sequence": record.sequence,
        "received_at": received_at,
        "value": record.value,
        "placed": record.placed,
    }


def _unauthenticated_today(db: Transaction, topic: str, now: int) -> int:
    count = db.scalar(
        select(func.count())
        .select_from(quarantine)
        .where(
            quarantine.c.topic == topic,
            quarantine.c.received_at >= now - now % DAY_MS,
            quarantine.c.step < AUTHENTICATED_STEP,
        )
    )
    return count or 0


def entries(db: Transaction) -> list[QuarantineEntry]:
    """Every record in quarantine without its bytes, the oldest first."""
    statement = select(
        quarantine.c.id,
        quarantine.c.code,
        quarantine.c.step,
        quarantine.c.originator,
        quarantine.c.stream,
        quarantine.c.position,
        quarantine.c.sequence,
        func.length(quarantine.c.value).label("size"),
        quarantine.c.received_at,
    ).order_by(quarantine.c.received_at, quarantine.c.id)
    return [QuarantineEntry(**row) for row in db.execute(statement).mappings()]


RETRY_ORDER: Final[tuple[ColumnElement[Any], ...]] = (
    quarantine.c.stream != KEYS,
    quarantine.c.topic,
    quarantine.c.position,
    quarantine.c.id,
)
"""Grants first, then each stream in the order of the log."""


def records(db: Transaction, wanted: Collection[str]) -> list[QuarantinedRecord]:
    """The records with these ids, with their bytes, in the order to look at them again."""
    statement: Select[Any] = select(quarantine).where(quarantine.c.id.in_(wanted)).order_by(*RETRY_ORDER)
    return [_record(row) for row in db.execute(statement)]


def _record(row: Row[Any]) -> QuarantinedRecord:
    record = RejectedRecord(
        code=row.code,
        step=row.step,
        detail=row.detail,
        topic=row.topic,
        place=StreamId(stream=row.stream, originator=row.originator),
        position=row.position,
        sequence=row.sequence,
        value=row.value,
        placed=row.placed,
    )
    return QuarantinedRecord(id=row.id, received_at=row.received_at, record=record)


def present(db: Transaction, wanted: Collection[str]) -> set[str]:
    """Those of the ids that have a row."""
    if not wanted:
        return set()
    return set(db.execute(select(quarantine.c.id).where(quarantine.c.id.in_(wanted))).scalars())
