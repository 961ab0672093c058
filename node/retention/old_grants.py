"""Grants that are settled leave the store: every message under them was decided. Also own grants that are not used any
more.

A grant that a waiting or held record names stays. A grant that left is in the log as long as other records; if its
topic is read again (`reread`), it comes back.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, select

from broker.streams import KEYS
from node.database.engine import Transaction
from node.database.outgoing_tables import own_grant
from node.database.record_tables import pending
from node.database.statements import change, rows_for
from node.database.stream_tables import granted, granted_part, link
from node.limits import BATCH_LEAVES_MAX
from node.undecided import usage
from node.undecided.usage import Budget, Usage

GRANTS_IN_STEP_MAX: Final = 500

_TABLES: Final = (granted, granted_part)
_OLD: Final = tuple(
    select(table.c.sequence, table.c.sealed_at)
    .where(table.c.originator == bindparam("originator"), table.c.sequence > bindparam("after"))
    .order_by(table.c.sequence)
    .limit(bindparam("at_most"))
    for table in _TABLES
)
_NAMED: Final = select(pending.c.grant).where(
    pending.c.originator == bindparam("originator"),
    pending.c.grant >= bindparam("first"),
    pending.c.grant < bindparam("end"),
)
_BATCH: Final = (
    select(link.c.first, link.c.size)
    .where(link.c.originator == bindparam("originator"), link.c.stream == KEYS, link.c.first <= bindparam("sequence"))
    .order_by(link.c.first.desc())
    .limit(1)
)
_SIZES: Final = tuple(
    select(func.length(table.c.body).label("size")).where(
        table.c.originator == bindparam("originator"), table.c.sequence.in_(bindparam("sequences", expanding=True))
    )
    for table in _TABLES
)
_DROP: Final = tuple(
    delete(table).where(table.c.originator == bindparam("of"), table.c.sequence == bindparam("at")) for table in _TABLES
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldGrants:
    """A part of the grants of one originator, in the order of their sequences."""

    settled: Sequence[int]
    """The sequences of those that may leave."""

    last: int | None
    """The last sequence that was looked at; None if all older grants were."""


def find(db: Transaction, originator: str, *, before: int, after: int) -> OldGrants:
    """Look at GRANTS_IN_STEP_MAX grants after the sequence `after`: those sealed before a time in ms may leave."""
    values = {"originator": originator, "after": after, "at_most": GRANTS_IN_STEP_MAX}
    rows = sorted({tuple(row) for statement in _OLD for row in rows_for(db, statement, values)})[:GRANTS_IN_STEP_MAX]
    old = [sequence for sequence, sealed_at in rows if sealed_at < before]
    settled = [] if not old else _unnamed(db, originator, old)
    return OldGrants(settled=settled, last=old[-1] if len(old) == GRANTS_IN_STEP_MAX else None)


def _unnamed(db: Transaction, originator: str, sequences: Sequence[int]) -> list[int]:
    """Without those that a pending record may mean: it names the last part of its grant, in the same batch."""
    values = {"originator": originator, "first": sequences[0], "end": sequences[-1] + BATCH_LEAVES_MAX}
    named = sorted({row.grant for row in rows_for(db, _NAMED, values)})
    if not named:
        return list(sequences)
    settled = []
    for sequence in sequences:
        batch = rows_for(db, _BATCH, {"originator": originator, "sequence": sequence})
        end = batch[0].first + batch[0].size if batch else sequence + 1
        at = bisect_left(named, sequence)
        if at == len(named) or named[at] >= end:
            settled.append(sequence)
    return settled


def drop(db: Transaction, originator: str, sequences: Sequence[int]) -> None:
    """Delete grants. The caller holds the turn of the originator (node/store/ingest_lock.py)."""
    values = {"originator": originator, "sequences": list(sequences)}
    sizes = [row.size for statement in _SIZES for row in rows_for(db, statement, values)]
    for statement in _DROP:
        change(db, statement, [{"of": originator, "at": sequence} for sequence in sequences])
    usage.add(db, [(originator, Budget.GRANTS, -Usage(len(sizes), sum(sizes)))])


def has_own(db: Transaction, before: int) -> bool:
    """Whether an own grant was sealed before a time."""
    return db.scalar(select(own_grant.c.sequence).where(own_grant.c.sealed_at < before).limit(1)) is not None


def drop_own(db: Transaction, before: int) -> int:
    """Delete the own grants that were sealed before a time; the next report to their audience gets a new one."""
    return db.execute(delete(own_grant).where(own_grant.c.sealed_at < before)).rowcount
