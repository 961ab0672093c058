"""Findings, notes about withheld messages, and digests of purged records leave the store after a time.

What they were about has ended: the gap was closed, or the late record has its place. A finding that still stands stays,
except one about a record out of order, which never ends.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, delete, or_, select

from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.record_tables import quarantine, withheld
from node.database.statements import change, rows_for
from node.database.stream_tables import finding
from node.store import counters, stream_findings
from node.store.stream_findings import FINDING_SIZE_BYTES, FINDINGS_OF_ORIGINATOR_MAX, FULL, NUMEROUS
from node.store.withheld_notes import note_size
from node.undecided import usage
from node.undecided.usage import Budget, Usage

NOTES_IN_STEP_MAX: Final = 500
OUT_OF_ORDER: Final = "out_of_order"

_FINDINGS: Final = (
    select(finding.c.id, finding.c.originator, finding.c.code, finding.c.closed_at, finding.c.found_at)
    .where(finding.c.id > bindparam("after"))
    .order_by(finding.c.id)
    .limit(bindparam("at_most"))
)
_DROP_FINDING: Final = delete(finding).where(
    finding.c.id == bindparam("row_id"), or_(finding.c.closed_at.is_not(None), finding.c.code == OUT_OF_ORDER)
)
_FULL: Final = select(finding.c.originator).where(finding.c.code == FULL, finding.c.closed_at.is_(None))
_NOTES: Final = (
    select(withheld.c.originator, withheld.c.stream, withheld.c.sequence, withheld.c.reason)
    .where(withheld.c.noted_at < bindparam("before"))
    .order_by(withheld.c.noted_at)
    .limit(bindparam("at_most"))
)
_DROP_NOTE: Final = delete(withheld).where(
    withheld.c.originator == bindparam("of"),
    withheld.c.stream == bindparam("in_stream"),
    withheld.c.sequence == bindparam("at"),
)
_PURGED: Final = (
    select(quarantine.c.id, quarantine.c.originator)
    .where(quarantine.c.received_at < bindparam("before"), quarantine.c.budget == bindparam("purged"))
    .order_by(quarantine.c.received_at, quarantine.c.id)
    .limit(bindparam("at_most"))
)
_DROP_PURGED: Final = delete(quarantine).where(quarantine.c.id == bindparam("row_id"))


def old_findings(db: Transaction, *, before: int, after: int) -> tuple[list[int], int | None]:
    """Ids of findings that ended before a time, among the next ones after an id; and the last id, None at the end."""
    rows = rows_for(db, _FINDINGS, {"after": after, "at_most": NOTES_IN_STEP_MAX})
    old = [
        row.id
        for row in rows
        if (ended := row.found_at if row.code == OUT_OF_ORDER else row.closed_at) is not None and ended < before
    ]
    return old, rows[-1].id if len(rows) == NOTES_IN_STEP_MAX else None


def drop_findings(db: Transaction, ids: Sequence[int], now: int) -> None:
    """Delete findings that have ended, and close `findings_full` of the originators that have room again."""
    rows = {row.id: row for row in db.execute(select(finding).where(finding.c.id.in_(list(ids))))}
    taken = [
        (row.originator, Budget.FINDINGS, -Usage(1, FINDING_SIZE_BYTES))
        for row in rows.values()
        if change(db, _DROP_FINDING, [{"row_id": row.id}]) and row.code in NUMEROUS
    ]
    usage.add(db, taken)
    close_full(db, now)


def close_full(db: Transaction, now: int) -> None:
    """Close the finding `findings_full` of each originator that has room for further findings."""
    full = [row.originator for row in rows_for(db, _FULL, {})]
    used = usage.of(db, full)
    for originator in full:
        if used.get((originator, Budget.FINDINGS), Usage()).rows < FINDINGS_OF_ORIGINATOR_MAX:
            stream_findings.close(db, FULL, stream_findings.everywhere(originator), now)


def has_notes(db: Transaction, before: int) -> bool:
    """Whether a note about a withheld message was made before a time."""
    return bool(rows_for(db, _NOTES, {"before": before, "at_most": 1}))


def drop_notes(db: Transaction, before: int) -> int:
    """Delete the oldest notes about withheld messages, made before a time; returns how many."""
    rows = rows_for(db, _NOTES, {"before": before, "at_most": NOTES_IN_STEP_MAX})
    for row in rows:
        change(db, _DROP_NOTE, [{"of": row.originator, "in_stream": row.stream, "at": row.sequence}])
    usage.add(db, [(row.originator, Budget.WITHHELD, -Usage(1, note_size(row.reason))) for row in rows])
    counters.increase(db, {counters.WITHHELD: -len(rows)})
    return len(rows)


def has_purged(db: Transaction, before: int) -> bool:
    """Whether a record that was purged was received before a time."""
    return bool(rows_for(db, _PURGED, {"before": before, "purged": Budget.PURGED.value, "at_most": 1}))


def drop_purged(db: Transaction, before: int) -> int:
    """Delete the oldest digests of purged records, received before a time; returns how many."""
    hold(db, Lock.QUARANTINE)
    rows = rows_for(db, _PURGED, {"before": before, "purged": Budget.PURGED.value, "at_most": NOTES_IN_STEP_MAX})
    change(db, _DROP_PURGED, [{"row_id": row.id} for row in rows])
    usage.add(db, [(row.originator, Budget.PURGED, -Usage(1)) for row in rows])
    return len(rows)
