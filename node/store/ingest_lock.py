"""Optimistic lock per originator: an ingest commits only if no other process has ingested the originator's records.

Each ingest reads a version number for each originator with the rows that it depends on, and advances the numbers in
the transaction that writes. If another process advanced one of them in between, it reads and computes again.
"""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import bindparam, select

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.statements import change, rows_for
from node.database.stream_tables import turn

_VERSIONS: Final = select(turn.c.originator, turn.c.value).where(
    turn.c.originator.in_(bindparam("originators", expanding=True))
)
_ADVANCE: Final = Upsert(
    turn,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["originator"],
        set_={"value": insert.excluded.value},
        where=turn.c.value == insert.excluded.value - 1,
    ),
)


def versions(db: Transaction, originators: Collection[str]) -> dict[str, int]:
    """The version number of each of `originators`; 0 before the first ingest."""
    rows = rows_for(db, _VERSIONS, {"originators": list(originators)})
    return dict.fromkeys(originators, 0) | {row.originator: row.value for row in rows}


def advance(db: Transaction, read: Mapping[str, int]) -> bool:
    """Advance the versions that were `read`; False if one has changed since, and the result is out of date.

    The rows stay locked until the transaction ends; they are locked in the order of their names.
    """
    if not read:
        return True
    values = [{"originator": originator, "value": value + 1} for originator, value in sorted(read.items())]
    return change(db, _ADVANCE, values) == len(read)
