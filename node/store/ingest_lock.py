"""Optimistic lock per originator: an ingest commits only if no other process has ingested the originator's records.

Each ingest reads a version number for each originator with the rows that it depends on, and advances the numbers in
the transaction that writes. If another process advanced one of them in between, it reads and computes again.
"""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert as upsert

from node.database.engine import Transaction
from node.database.stream_tables import turn

_ADVANCE: Final = upsert(turn).on_conflict_do_update(
    index_elements=["originator"],
    set_={"value": upsert(turn).excluded.value},
    where=turn.c.value == upsert(turn).excluded.value - 1,
)


def versions(db: Transaction, originators: Collection[str]) -> dict[str, int]:
    """The version number of each of `originators`; 0 before the first ingest."""
    rows = db.execute(select(turn.c.originator, turn.c.value).where(turn.c.originator.in_(originators)))
    return dict.fromkeys(originators, 0) | {originator: value for originator, value in rows}


def advance(db: Transaction, read: Mapping[str, int]) -> bool:
    """Advance the versions that were `read`; False if one has changed since, and the result is out of date."""
    if not read:
        return True
    values = [{"originator": originator, "value": value + 1} for originator, value in read.items()]
    return db.execute(_ADVANCE, values).rowcount == len(read)
