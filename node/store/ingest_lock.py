"""Who ingests last decides on what is true: a number for each originator, taken within the transaction that writes."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from node.store.tables import turn

_TAKE: Final = upsert(turn).on_conflict_do_update(
    index_elements=["originator"],
    set_={"value": upsert(turn).excluded.value},
    where=turn.c.value == upsert(turn).excluded.value - 1,
)


async def now(db: AsyncConnection, originators: Collection[str]) -> dict[str, int]:
    """The number of the last ingest of each of `originators`."""
    rows = await db.execute(select(turn.c.originator, turn.c.value).where(turn.c.originator.in_(originators)))
    return dict.fromkeys(originators, 0) | {originator: value for originator, value in rows}


async def take(db: AsyncConnection, after: Mapping[str, int]) -> bool:
    """Take the turn after `after` of each; False if another process wrote since, and what was read is not true now."""
    if not after:
        return True
    values = [{"originator": originator, "value": value + 1} for originator, value in after.items()]
    return (await db.execute(_TAKE, values)).rowcount == len(after)
