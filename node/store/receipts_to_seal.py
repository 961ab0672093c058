"""The outcomes that are due: which batches the next receipts report, and since when they wait for it.

An outcome is due until a receipt with exactly these bytes is sealed (node/sending/seal_receipts.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select, update

from broker.streams import RECEIPTS
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.outgoing_tables import outgoing
from node.database.receipt_tables import batch_outcome
from node.database.statements import change, rows_for
from node.store.receipts_due import DUE, PARKED, SEALED

_NOTHING: Final[ColumnElement[int]] = literal_column("0")  # a literal, so that the partial indexes are used


@dataclass(frozen=True, slots=True, kw_only=True)
class DueOutcomes:
    """The due outcomes of a batch."""

    originator: str
    stream: str
    hash: bytes
    outcomes: bytes


_DUE: Final = (
    select(batch_outcome)
    .where(batch_outcome.c.due > _NOTHING)
    .order_by(batch_outcome.c.due_since, *batch_outcome.primary_key)
    .limit(bindparam("at_most"))
)
_STATE: Final = (batch_outcome.c.due > _NOTHING, batch_outcome.c.due == bindparam("state"))
_OLDEST: Final = select(func.min(batch_outcome.c.due_since)).where(batch_outcome.c.due > _NOTHING)
_NEWEST: Final = select(func.max(batch_outcome.c.changed_at)).where(*_STATE)
_COUNT: Final = select(func.count()).select_from(batch_outcome).where(*_STATE)
_ANY: Final = select(batch_outcome.c.due).where(*_STATE).limit(1)
_PARK: Final = update(batch_outcome).where(*_STATE).values(due=bindparam("parked"))
_ON_THEIR_WAY: Final = select(func.count()).select_from(outgoing).where(outgoing.c.stream == bindparam("of"))


def due_times(db: Transaction) -> tuple[int, int] | None:
    """When the oldest batch that is due or parked became due, and when the newest changed, in ms; None without one."""
    oldest: int | None = rows_for(db, _OLDEST, {})[0][0]
    newest = [rows_for(db, _NEWEST, {"state": state})[0][0] or 0 for state in (DUE, PARKED)]
    return None if oldest is None else (oldest, max(newest))


def is_due(db: Transaction) -> bool:
    """Whether a batch is due and not parked."""
    return bool(rows_for(db, _ANY, {"state": DUE}))


def due(db: Transaction, limit: int) -> list[DueOutcomes]:
    """The batches that are due or parked, the oldest first."""
    rows = rows_for(db, _DUE, {"at_most": limit})
    return [
        DueOutcomes(originator=row.originator, stream=row.stream, hash=row.hash, outcomes=row.outcomes) for row in rows
    ]


def mark_sealed(db: Transaction, due: Sequence[DueOutcomes]) -> None:
    """Note that a receipt with these outcomes is sealed. A batch whose outcomes changed meanwhile stays due."""
    hold(db, Lock.OUTCOMES)
    db.execute(
        update(batch_outcome)
        .where(
            batch_outcome.c.originator == bindparam("of"),
            batch_outcome.c.stream == bindparam("in_stream"),
            batch_outcome.c.hash == bindparam("batch"),
            batch_outcome.c.outcomes == bindparam("said"),
        )
        .values(due=SEALED),
        [{"of": row.originator, "in_stream": row.stream, "batch": row.hash, "said": row.outcomes} for row in due],
    )


def park(db: Transaction) -> int:
    """Park everything that is due; returns how many batches."""
    hold(db, Lock.OUTCOMES)
    return change(db, _PARK, [{"state": DUE, "parked": PARKED}])


def count_due(db: Transaction) -> int:
    """How many batches are due and not parked."""
    count: int = rows_for(db, _COUNT, {"state": DUE})[0][0]
    return count


def on_their_way(db: Transaction) -> int:
    """How many own receipts are sealed and not read back yet."""
    count: int = rows_for(db, _ON_THEIR_WAY, {"of": RECEIPTS})[0][0]
    return count
