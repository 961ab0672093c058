"""Outcomes that this node has sent leave the store: after a time, or earlier if their originator takes all its room.

An outcome that is still due stays; so does a batch of which a leaf has not arrived, waits or was refused, unless the
originator takes all its room: what a later receipt says about such a batch is then only what is known later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from sqlalchemy import bindparam, delete, func, select, tuple_

from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.receipt_tables import batch_outcome
from node.database.statements import change, rows_for
from node.store.receipts_due import DUE, outcomes_size
from node.undecided import usage
from node.undecided.usage import Budget, Usage
from node.verification.receipt_bytes import NOT_ADDRESSED, STORED, WITHHELD

OUTCOMES_IN_STEP_MAX: Final = 1_000

Place: TypeAlias = tuple[str, bytes]
"""Stream and hash of a batch."""

_FINAL: Final = frozenset({NOT_ADDRESSED, STORED, WITHHELD})
_PAGE: Final = (
    select(batch_outcome.c.stream, batch_outcome.c.hash, batch_outcome.c.outcomes, batch_outcome.c.due)
    .add_columns(batch_outcome.c.changed_at)
    .where(
        batch_outcome.c.originator == bindparam("originator"),
        tuple_(batch_outcome.c.stream, batch_outcome.c.hash) > tuple_(bindparam("stream"), bindparam("hash")),
    )
    .order_by(batch_outcome.c.stream, batch_outcome.c.hash)
    .limit(bindparam("at_most"))
)
_SIZE: Final = select(func.length(batch_outcome.c.outcomes).label("leaves")).where(
    batch_outcome.c.originator == bindparam("originator"),
    batch_outcome.c.stream == bindparam("stream"),
    batch_outcome.c.hash == bindparam("hash"),
)
_DROP: Final = delete(batch_outcome).where(
    batch_outcome.c.originator == bindparam("of"),
    batch_outcome.c.stream == bindparam("in_stream"),
    batch_outcome.c.hash == bindparam("batch"),
    batch_outcome.c.due != bindparam("still_due"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldOutcomes:
    """A part of the batches of one originator."""

    settled: Sequence[Place]
    """Those that may leave."""

    last: Place | None
    """The last one that was looked at; None if there is no other behind it."""


def find(db: Transaction, originator: str, *, before: int, after: Place, is_full: bool) -> OldOutcomes:
    """Look at OUTCOMES_IN_STEP_MAX batches behind `after`: those that are settled since before a time in ms may leave.

    `is_full`: the originator takes all its room, so every batch that is not due may leave.
    """
    stream, hash_ = after
    values = {"originator": originator, "stream": stream, "hash": hash_, "at_most": OUTCOMES_IN_STEP_MAX}
    rows = rows_for(db, _PAGE, values)
    settled = [
        (row.stream, row.hash)
        for row in rows
        if row.due != DUE and (is_full or (row.changed_at < before and _FINAL.issuperset(row.outcomes)))
    ]
    last = (rows[-1].stream, rows[-1].hash) if len(rows) == OUTCOMES_IN_STEP_MAX else None
    return OldOutcomes(settled=settled, last=last)


def drop(db: Transaction, originator: str, batches: Sequence[Place]) -> None:
    """Delete outcomes, except those that became due. The caller holds the turn of the originator."""
    hold(db, Lock.OUTCOMES)
    gone = Usage()
    for stream, hash_ in batches:
        sizes = rows_for(db, _SIZE, {"originator": originator, "stream": stream, "hash": hash_})
        row = {"of": originator, "in_stream": stream, "batch": hash_, "still_due": DUE}
        if sizes and change(db, _DROP, [row]):
            gone += outcomes_size(sizes[0].leaves)
    usage.add(db, [(originator, Budget.OUTCOMES, -gone)])
