"""What became of records that are not held: withheld notes, those that wait, the quarantine, and counts."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from node.limits import DAY_MS
from node.primitives import digest
from node.stages import StreamId
from node.store.statements import insert_rows
from node.store.tables import access_log, counter, granted, pending, quarantine, withheld

UNAUTHENTICATED_PER_DAY_MAX: Final = 1000  # quarantined records of a stream and day that passed no signature
AUTHENTICATED_STEP: Final = 8
_ROW_NAMESPACE: Final = uuid.UUID("6d6f6e6f-7465-4e6c-8163-65656e6c6163")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A record that failed a step, as it was found."""

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
        """The same bytes in the same topic are one row, whatever refuses them when they come again."""
        name = f"{self.topic} {digest(self.value).hex()}"
        return str(uuid.uuid5(_ROW_NAMESPACE, name))


async def add_quarantined(db: AsyncConnection, rows: Sequence[Quarantined], now: int) -> int:
    """Keep refused records; returns how many were here already. What is above the quota is counted."""
    if not rows:
        return 0
    known = set(
        (await db.execute(select(quarantine.c.id).where(quarantine.c.id.in_([row.id for row in rows])))).scalars()
    )
    today: dict[str, int] = {}
    kept, repeated, above = [], 0, 0
    for row in rows:
        if row.id in known:
            repeated += 1
            continue
        known.add(row.id)
        if row.step < AUTHENTICATED_STEP:
            if row.topic not in today:
                today[row.topic] = await _unauthenticated_today(db, row.topic, now)
            today[row.topic] += 1
            if today[row.topic] > UNAUTHENTICATED_PER_DAY_MAX:
                above += 1
                continue
        kept.append(
            {
                "id": row.id,
                "code": row.code,
                "step": row.step,
                "detail": row.detail,
                "topic": row.topic,
                "originator": row.place.originator,
                "stream": row.place.stream,
                "position": row.position,
                "sequence": row.sequence,
                "received_at": now,
                "value": row.value,
                "placed": row.placed,
            }
        )
    if kept:
        await db.execute(insert(quarantine), kept)
    await count_up(db, {"quarantine_overflow": above})
    return repeated


async def _unauthenticated_today(db: AsyncConnection, topic: str, now: int) -> int:
    found = await db.scalar(
        select(func.count())
        .select_from(quarantine)
        .where(
            quarantine.c.topic == topic,
            quarantine.c.received_at >= now - now % DAY_MS,
            quarantine.c.step < AUTHENTICATED_STEP,
        )
    )
    return found or 0


async def list_quarantine(db: AsyncConnection, *, with_value: str | None = None) -> list[dict[str, Any]]:
    """Every quarantined record without its bytes, or the one named `with_value` with them."""
    columns = [
        quarantine.c.id,
        quarantine.c.code,
        quarantine.c.step,
        quarantine.c.originator,
        quarantine.c.stream,
        quarantine.c.position,
        quarantine.c.sequence,
        func.length(quarantine.c.value).label("size"),
        quarantine.c.received_at,
    ]
    statement = select(*columns).order_by(quarantine.c.received_at, quarantine.c.id)
    if with_value is not None:
        statement = select(*columns, quarantine.c.detail, quarantine.c.value).where(quarantine.c.id == with_value)
    return [dict(row) for row in (await db.execute(statement)).mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A message that was opened and may not be held."""

    place: StreamId
    sequence: int
    message_id: bytes
    code: str
    agreement: str | None
    clause: str | None
    reason: str


async def add_withheld(db: AsyncConnection, rows: Iterable[Withheld], now: int) -> None:
    """Note what was withheld, with the clause and the reason."""
    values = [
        {
            "originator": row.place.originator,
            "stream": row.place.stream,
            "sequence": row.sequence,
            "message_id": row.message_id,
            "code": row.code,
            "agreement": row.agreement,
            "clause": row.clause,
            "reason": row.reason,
            "noted_at": now,
        }
        for row in rows
    ]
    if values:
        await db.execute(insert(withheld), values)


async def list_withheld(db: AsyncConnection) -> list[dict[str, Any]]:
    """Every withheld message."""
    rows = await db.execute(select(withheld).order_by(withheld.c.noted_at, withheld.c.originator, withheld.c.sequence))
    return [dict(row) for row in rows.mappings()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A record that waits or is held, with its bytes."""

    topic: str
    position: int
    place: StreamId
    sequence: int
    message_id: bytes | None
    outcome: str
    reason: str
    grant: int | None
    due_at: int | None
    placed: bool
    value: bytes
    received_at: int
    id: int = 0


async def put_pending(db: AsyncConnection, rows: Sequence[Pending]) -> None:
    """Keep records that wait or are held; one that was kept before keeps its id and the time since when."""
    columns = [
        {
            "topic": row.topic,
            "position": row.position,
            "originator": row.place.originator,
            "stream": row.place.stream,
            "sequence": row.sequence,
            "message_id": row.message_id,
            "outcome": row.outcome,
            "reason": row.reason,
            "grant": row.grant,
            "due_at": row.due_at,
            "placed": row.placed,
            "received_at": row.received_at,
            "value": row.value,
        }
        for row in rows
    ]
    changing = ("sequence", "message_id", "outcome", "reason", "grant", "due_at", "placed")
    if columns:
        statement = upsert(pending)
        await db.execute(
            statement.on_conflict_do_update(
                index_elements=["topic", "position"],
                set_={name: getattr(statement.excluded, name) for name in changing},
            ),
            columns,
        )


async def pending_for(
    db: AsyncConnection,
    *,
    grants: Collection[tuple[str, int]] = (),
    everything: bool = False,
    now: int,
    limit: int,
    after: int = 0,
) -> list[Pending]:
    """Records to look at again: those that wait for one of `grants`, those that are due, or every one."""
    statement = select(pending).where(pending.c.id > after).order_by(pending.c.id).limit(limit)
    if not everything:
        conditions = [pending.c.due_at <= now]
        conditions += [
            (pending.c.originator == originator) & (pending.c.grant == sequence) for originator, sequence in grants
        ]
        statement = statement.where(or_(*conditions))
    return [
        Pending(
            id=row.id,
            topic=row.topic,
            position=row.position,
            place=StreamId(stream=row.stream, originator=row.originator),
            sequence=row.sequence,
            message_id=row.message_id,
            outcome=row.outcome,
            reason=row.reason,
            grant=row.grant,
            due_at=row.due_at,
            placed=row.placed,
            value=row.value,
            received_at=row.received_at,
        )
        for row in await db.execute(statement)
    ]


async def drop_pending(db: AsyncConnection, ids: Collection[int | None]) -> None:
    """Records that were decided wait no longer."""
    if ids:
        await db.execute(delete(pending).where(pending.c.id.in_(ids)))


async def pending_by_originator(db: AsyncConnection) -> dict[str, int]:
    """How many records of each originator wait, for its quota."""
    rows = await db.execute(select(pending.c.originator, func.count()).group_by(pending.c.originator))
    return {originator: count for originator, count in rows}


async def waiting_positions(db: AsyncConnection) -> dict[str, int]:
    """The lowest position of a record that waits for a grant, by topic."""
    rows = await db.execute(
        select(pending.c.topic, func.min(pending.c.position))
        .where(pending.c.outcome == "waiting")
        .group_by(pending.c.topic)
    )
    return {topic: position for topic, position in rows}


async def count_up(db: AsyncConnection, by: dict[str, int]) -> None:
    """Add to counters."""
    values = [{"name": name, "value": value} for name, value in by.items() if value]
    if values:
        statement = upsert(counter)
        await db.execute(
            statement.on_conflict_do_update(
                index_elements=["name"], set_={"value": counter.c.value + statement.excluded.value}
            ),
            values,
        )


async def counts(db: AsyncConnection) -> dict[str, int]:
    """withheld, waiting, held, duplicate, quarantined, and what else is counted."""
    counted = {name: value for name, value in await db.execute(select(counter.c.name, counter.c.value))}
    states = {
        name: value
        for name, value in await db.execute(select(pending.c.outcome, func.count()).group_by(pending.c.outcome))
    }
    return {
        "withheld": (await db.scalar(select(func.count()).select_from(withheld))) or 0,
        "waiting": states.get("waiting", 0),
        "held": states.get("held", 0),
        "duplicate": counted.pop("duplicate", 0),
        "quarantined": (await db.scalar(select(func.count()).select_from(quarantine))) or 0,
        **counted,
    }


async def log_access(
    db: AsyncConnection, operation: str, *, actor: str, subjects: Iterable[tuple[str, str]], now: int
) -> None:
    """One entry for each (id, detail): who did what with which message (LED Art 25)."""
    names = ("at", "operation", "actor", "subject", "detail")
    await insert_rows(db, access_log, names, [(now, operation, actor, *one) for one in subjects])


async def waiting_since(db: AsyncConnection, before: int) -> list[dict[str, Any]]:
    """Records that wait since before a time, without their bytes."""
    columns = (pending.c.id, pending.c.originator, pending.c.stream, pending.c.sequence, pending.c.reason)
    rows = await db.execute(
        select(*columns).where(pending.c.outcome == "waiting", pending.c.received_at < before).limit(1000)
    )
    return [dict(row) for row in rows.mappings()]


async def waits_for_what_is_here(db: AsyncConnection) -> bool:
    """Whether a record waits for a grant that has arrived: it is about to be looked at again."""
    statement = select(pending.c.id).where(
        pending.c.reason == "grant",
        select(granted.c.sequence)
        .where(granted.c.originator == pending.c.originator, granted.c.sequence == pending.c.grant)
        .exists(),
    )
    return (await db.scalar(statement.limit(1))) is not None


async def by_message_id(db: AsyncConnection, message_id: bytes) -> list[dict[str, Any]]:
    """What became of a message that is not held: withheld, or waiting."""
    out = [
        {
            "message_id": message_id,
            "originator": row["originator"],
            "stream": row["stream"],
            "sequence": row["sequence"],
            "decision": {
                "outcome": "withheld",
                "agreement": row["agreement"],
                "clause": row["clause"],
                "reason": row["reason"],
            },
        }
        for row in (await db.execute(select(withheld).where(withheld.c.message_id == message_id))).mappings()
    ]
    for row in (await db.execute(select(pending).where(pending.c.message_id == message_id))).mappings():
        decision = {"outcome": row["outcome"], "agreement": None, "clause": None, "reason": row["reason"]}
        out.append(
            {
                "message_id": message_id,
                "originator": row["originator"],
                "stream": row["stream"],
                "sequence": row["sequence"],
                "received_at": row["received_at"],
                "decision": decision,
            }
        )
    return out
