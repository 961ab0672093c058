"""The quarantine: records that failed a step of the verification, kept with their bytes and the code.

The same bytes in the same topic are one row. node/exchange/quotas.py limits rows and bytes.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, insert, or_, select

from broker.streams import KEYS
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.record_tables import quarantine
from node.primitives import digest
from node.stages import StreamId
from node.undecided import usage
from node.undecided.quarantine_filter import EVERYTHING, Filter
from node.undecided.usage import Budget, Usage
from node.verification.erased_records import expires_at_of

_ID_NAMESPACE: Final = uuid.UUID("6d6f6e6f-7465-4e6c-8163-65656e6c6163")
AUTHENTICATED_STEP: Final = 7  # steps 1 to 6 fail without proof of who wrote the record


def is_authenticated(step: int) -> bool:
    """Whether a record that failed this step was signed by a key of its originator."""
    return step >= AUTHENTICATED_STEP


def id_of(topic: str, value: bytes) -> str:
    """The id of the row of these bytes."""
    return str(uuid.uuid5(_ID_NAMESPACE, f"{topic} {digest(value).hex()}"))


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
    budget: Budget
    placed: bool = False
    """It has its place in the chain."""

    @property
    def id(self) -> str:
        """The id of its row: the same for the same bytes in the same topic, with any code."""
        return id_of(self.topic, self.value)


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
    authenticated: bool
    """A key of the originator signed it. Anybody who can write to the topic may have written another record."""

    purged: bool
    """Its bytes, or their content, were deleted here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRecord:
    """A record in quarantine, with its bytes."""

    id: str
    record: RejectedRecord
    received_at: int
    size: int
    """Of the record in the log, in bytes. If the bytes were deleted here, the record has none."""

    erased: bool = False

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
            size=self.size,
            received_at=self.received_at,
            authenticated=is_authenticated(self.record.step),
            purged=self.erased or self.record.budget is Budget.PURGED,
        )


def add(db: Transaction, records: Sequence[RejectedRecord], now: int) -> int:
    """Keep rejected records; returns how many had a row already."""
    if not records:
        return 0
    hold(db, Lock.QUARANTINE, shared=True)
    known = present(db, [record.id for record in records])
    new: dict[str, RejectedRecord] = {}
    for record in records:
        if record.id not in known:
            new.setdefault(record.id, record)
    if new:
        db.execute(insert(quarantine), [_columns(record, now) for record in new.values()])
        usage.add(
            db, [(record.place.originator, record.budget, Usage(1, len(record.value))) for record in new.values()]
        )
    return len(records) - len(new)


_OF_RECORD: Final = "id code step detail topic position sequence value placed budget".split()  # noqa: SIM905


def _columns(record: RejectedRecord, received_at: int) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _OF_RECORD} | {
        "originator": record.place.originator,
        "stream": record.place.stream,
        "received_at": received_at,
        "digest": digest(record.value),
        "size": len(record.value),
        "expires_at": expires_at_of(record.value),
    }


_STORED: Final = tuple(field.name for field in fields(QuarantineEntry) if field.name not in ("authenticated", "purged"))
_ENTRY: Final = (
    *(quarantine.c[name] for name in _STORED),
    or_(quarantine.c.budget == Budget.PURGED.value, quarantine.c.erased_at.is_not(None)).label("purged"),
)


def entries(db: Transaction, wanted: Filter = EVERYTHING, limit: int | None = None) -> list[QuarantineEntry]:
    """The records in quarantine without their bytes, the oldest first; at most `limit`."""
    statement = select(*_ENTRY).where(*wanted.conditions()).order_by(quarantine.c.received_at, quarantine.c.id)
    rows = db.execute(statement.limit(limit)).mappings()
    return [_entry(row) for row in rows]


def _entry(row: Mapping[Any, Any]) -> QuarantineEntry:
    stored = {name: row[name] for name in _STORED}
    return QuarantineEntry(**stored, authenticated=is_authenticated(row["step"]), purged=bool(row["purged"]))


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
        budget=Budget(row.budget),
    )
    return QuarantinedRecord(
        id=row.id, received_at=row.received_at, record=record, size=row.size, erased=row.erased_at is not None
    )


def present(db: Transaction, wanted: Collection[str]) -> set[str]:
    """Those of the ids that have a row."""
    if not wanted:
        return set()
    return set(db.execute(select(quarantine.c.id).where(quarantine.c.id.in_(wanted))).scalars())
