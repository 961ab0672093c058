"""Rows that were kept to be looked at again: whether they are still there, and what became of those in quarantine."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from broker.streams import KEYS
from node.stages import StreamId
from node.store.notes import Quarantined
from node.store.tables import pending as waiting
from node.store.tables import quarantine


async def present(
    db: AsyncConnection, *, pending: Collection[int] = (), quarantined: Collection[str] = ()
) -> set[int | str]:
    """Those of the ids that are still there."""
    found: set[int | str] = set()
    if pending:
        found |= set((await db.execute(select(waiting.c.id).where(waiting.c.id.in_(pending)))).scalars())
    if quarantined:
        found |= set((await db.execute(select(quarantine.c.id).where(quarantine.c.id.in_(quarantined)))).scalars())
    return found


async def quarantined_ids(db: AsyncConnection) -> list[str]:
    """Every quarantined record in the order to look at them: grants first, then each stream as it was read."""
    rows = await db.execute(
        select(quarantine.c.id).order_by(quarantine.c.stream != KEYS, quarantine.c.topic, quarantine.c.position)
    )
    return list(rows.scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A record as it lies in quarantine."""

    id: str
    row: Quarantined
    received_at: int


async def quarantined(db: AsyncConnection, ids: Collection[str]) -> list[Kept]:
    """These records with their bytes, in the order to look at them."""
    rows = await db.execute(
        select(quarantine)
        .where(quarantine.c.id.in_(ids))
        .order_by(quarantine.c.stream != KEYS, quarantine.c.topic, quarantine.c.position)
    )
    return [
        Kept(
            id=row.id,
            received_at=row.received_at,
            row=Quarantined(
                code=row.code,
                step=row.step,
                detail=row.detail,
                topic=row.topic,
                place=StreamId(stream=row.stream, originator=row.originator),
                position=row.position,
                sequence=row.sequence,
                value=row.value,
                placed=row.placed,
            ),
        )
        for row in rows
    ]


async def keep_quarantined(db: AsyncConnection, rows: Sequence[Quarantined]) -> None:
    """They were refused again: each keeps its row, and its code unless it fails for another reason now."""
    if rows:
        await db.execute(
            update(quarantine)
            .where(quarantine.c.id == bindparam("row_id"), quarantine.c.code != bindparam("new_code"))
            .values(
                code=bindparam("new_code"),
                step=bindparam("at_step"),
                detail=bindparam("new_detail"),
                sequence=bindparam("new_sequence"),
                placed=bindparam("is_placed"),
            ),
            [
                {
                    "row_id": row.id,
                    "new_code": row.code,
                    "at_step": row.step,
                    "new_detail": row.detail,
                    "new_sequence": row.sequence,
                    "is_placed": row.placed,
                }
                for row in rows
            ],
        )


async def drop_quarantined(db: AsyncConnection, ids: Collection[str]) -> None:
    """They are refused no longer."""
    if ids:
        await db.execute(delete(quarantine).where(quarantine.c.id.in_(ids)))
