"""Erases accepted reports whose retention ended before they were sealed. They are never sealed.

The row stays without payload, labels and search terms, so that the same report handed in again is a duplicate.
"""

from typing import Final

from sqlalchemy import bindparam, or_, select

from node.database.dialects import overwriting
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.outgoing_tables import draft
from node.database.statements import Found, rows_for, set_rows
from node.limits import DAY_MS
from node.store import access_log, counters
from node.store.access_log import Operation, erasure_detail
from node.store.set_aside import EXPIRED
from schemas.avro import codec
from schemas.types import IntelligenceReport

_REASON: Final = "the retention ended before the report was sealed; its content was erased"
_UNSEALED: Final = (
    select(draft.c.id, draft.c.report_id, draft.c.expires_at, draft.c.payload)
    .where(
        draft.c.sequence.is_(None),
        draft.c.payload.is_not(None),
        or_(draft.c.expires_at.is_(None), draft.c.expires_at <= bindparam("now")),
    )
    .order_by(draft.c.id)
)


def is_due(db: Transaction, now: int) -> bool:
    """Whether the retention of a draft has ended at `now` (ms), and its content is still here."""
    return any(_expires_at(row) <= now for row in rows_for(db, _UNSEALED, {"now": now}))


def erase(db: Transaction, *, node: str, now: int, limit: int) -> int:
    """Erase at most `limit` drafts that have expired at `now` (ms), in the name of `node`; returns how many."""
    hold(db, Lock.ERASURE)
    hold(db, Lock.OUTBOX)  # no relay seals them meanwhile
    rows = [row for row in rows_for(db, _UNSEALED, {"now": now}) if _expires_at(row) <= now][:limit]
    names = ("payload", "labels", "terms", "set_aside_at", "set_aside_code", "set_aside_reason")
    with overwriting(db):
        set_rows(db, draft, names, [(None, None, None, now, EXPIRED, _REASON, row.id) for row in rows])
    size = sum(len(row.payload) for row in rows)
    counters.increase(db, {counters.ACCEPTED: -len(rows), counters.ACCEPTED_SIZE: -size, counters.ERASED: len(rows)})
    subjects = [(row.report_id, erasure_detail(_expires_at(row))) for row in rows]
    access_log.add(db, Operation.ERASURE, actor=node, subjects=subjects, now=now)
    return len(rows)


def _expires_at(row: Found) -> int:
    """The midnight after `retain_until`; an earlier version did not note it. A damaged draft does not expire."""
    if row.expires_at is not None:
        return int(row.expires_at)
    try:
        return (codec.decode(IntelligenceReport, row.payload).retain_until + 1) * DAY_MS
    except codec.BadMessage:
        return 1 << 62
