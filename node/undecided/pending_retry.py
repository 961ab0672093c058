"""The pending records to look at again, page by page: those that are due, those that wait for a grant, or all."""

from collections.abc import Collection, Iterable
from typing import Final

from sqlalchemy import bindparam, select, tuple_

from node.database.engine import Transaction
from node.database.record_tables import pending
from node.database.statements import Found, rows_for
from node.stages import StreamId
from node.undecided.pending_records import PendingRecord
from node.undecided.usage import Budget

_EACH: Final = (
    select(pending).where(pending.c.id > bindparam("after")).order_by(pending.c.id).limit(bindparam("at_most"))
)
_DUE: Final = (
    select(pending)
    .where(
        pending.c.due_at.is_not(None),
        pending.c.due_at <= bindparam("now"),
        tuple_(pending.c.due_at, pending.c.id) > tuple_(bindparam("due_after"), bindparam("after")),
    )
    .order_by(pending.c.due_at, pending.c.id)
    .limit(bindparam("at_most"))
)
_WAITING_FOR: Final = _EACH.where(
    pending.c.originator == bindparam("originator"), pending.c.grant == bindparam("sequence")
)
_NAMED_BEHIND: Final = (
    select(pending.c.grant)
    .where(
        pending.c.originator == bindparam("originator"),
        pending.c.grant > bindparam("sequence"),
        pending.c.grant < bindparam("end"),
    )
    .order_by(pending.c.grant)
    .limit(1)
)


def each(db: Transaction, *, limit: int, after: PendingRecord | None = None) -> list[PendingRecord]:
    """At most `limit` records, in the order of their ids; those after the record `after`."""
    return _records(rows_for(db, _EACH, {"after": after.id if after else 0, "at_most": limit}))


def due(db: Transaction, *, now: int, limit: int, after: PendingRecord | None = None) -> list[PendingRecord]:
    """At most `limit` records that were held until now, the earliest first; those after the record `after`."""
    due_after, id_ = (after.due_at or 0, after.id) if after else (0, 0)
    return _records(rows_for(db, _DUE, {"now": now, "due_after": due_after, "after": id_, "at_most": limit}))


def waiting_for(
    db: Transaction, grants: Collection[tuple[str, int]], *, limit: int, after: PendingRecord | None = None
) -> list[PendingRecord]:
    """At most `limit` records that wait for one of `grants` (originator, sequence); those after the record `after`.

    A grant may be named twice: a log can deliver it in an order in which it counts as new twice.
    """
    last = (after.place.originator, after.grant or 0, after.id) if after else ("", 0, 0)
    found: list[PendingRecord] = []
    for originator, sequence in sorted(set(grants)):
        if (originator, sequence) < last[:2]:
            continue
        names = {"originator": originator, "sequence": sequence}
        begin = last[2] if (originator, sequence) == last[:2] else 0
        found += _records(rows_for(db, _WAITING_FOR, {"after": begin, "at_most": limit - len(found), **names}))
        if len(found) == limit:
            break
    return found


def named_behind(db: Transaction, grants: Collection[tuple[str, int, int]]) -> set[tuple[str, int]]:
    """The leaves that pending records name behind one of `grants`: (originator, sequence, end of its batch)."""
    found: set[tuple[str, int]] = set()
    for originator, sequence, end in set(grants):
        at = sequence
        while end > at + 1:  # one look for each leaf, however many records name it
            named = rows_for(db, _NAMED_BEHIND, {"originator": originator, "sequence": at, "end": end})
            at = named[0].grant if named else end
            found |= {(originator, row.grant) for row in named}
    return found


def first_waiting_for(db: Transaction, grants: Collection[tuple[str, int]]) -> list[PendingRecord]:
    """The first record that waits for each of `grants` (originator, sequence)."""
    return [record for name in sorted(grants) for record in waiting_for(db, [name], limit=1)]


def _records(rows: Iterable[Found]) -> list[PendingRecord]:
    return [
        PendingRecord(
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
            placed=bool(row.placed),
            value=row.value,
            received_at=row.received_at,
            budget=Budget(row.budget),
        )
        for row in rows
    ]
