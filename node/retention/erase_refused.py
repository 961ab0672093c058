"""Erases the content of expired records in quarantine, and drops expired records that are held without a signature.

Of a refused record everything but the content stays: batch, signature, header and the digest of its bytes are evidence.
Records that nobody authenticated share one entry of the access log, so that forged records do not fill it.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, select

from node.database.dialects import overwriting
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.record_tables import pending, quarantine
from node.database.statements import Found, rows_for
from node.store import access_log, counters
from node.store.access_log import Operation, erasure_detail
from node.undecided import pending_records, quarantine_erasure
from node.undecided.quarantine import is_authenticated
from node.undecided.usage import Budget
from node.verification.erased_records import expires_at_of, message_id_of

_ENDED: Final = (
    quarantine.c.expires_at.is_not(None),
    quarantine.c.erased_at.is_(None),
    quarantine.c.expires_at <= bindparam("now"),
    quarantine.c.budget != Budget.PURGED.value,
)
_ANY: Final = select(quarantine.c.id).where(*_ENDED).limit(1)
_EXPIRED: Final = (
    select(quarantine).where(*_ENDED).order_by(quarantine.c.expires_at, quarantine.c.id).limit(bindparam("at_most"))
)
_HELD: Final = (
    select(pending.c.id, pending.c.value)
    .where(pending.c.id > bindparam("after"), pending.c.placed.is_(False))
    .order_by(pending.c.id)
    .limit(bindparam("at_most"))
)


def is_due(db: Transaction, now: int) -> bool:
    """Whether a record in quarantine has expired at `now` (ms), and its content is still here."""
    return bool(rows_for(db, _ANY, {"now": now}))


def erase(db: Transaction, *, node: str, now: int, limit: int) -> int:
    """Erase the content of at most `limit` records that have expired at `now` (ms); returns how many."""
    hold(db, Lock.ERASURE)
    hold(db, Lock.QUARANTINE)
    rows = rows_for(db, _EXPIRED, {"now": now, "at_most": limit})
    with overwriting(db):
        quarantine_erasure.erase(db, rows, now)
    counters.increase(db, {counters.ERASED: len(rows)})
    known = [(_subject(row), erasure_detail(row.expires_at)) for row in rows if is_authenticated(row.step)]
    access_log.add(db, Operation.ERASURE, actor=node, subjects=known, now=now)
    _note_unauthenticated(db, node, len(rows) - len(known), now)
    return len(rows)


def held_page(db: Transaction, *, after: int, limit: int) -> list[tuple[int, int | None]]:
    """Id and end of the retention of at most `limit` records that are held and have no place, above the id `after`."""
    rows = rows_for(db, _HELD, {"after": after, "at_most": limit})
    return [(row.id, expires_at_of(row.value)) for row in rows]


def drop_held(db: Transaction, ids: list[int], *, node: str, now: int) -> int:
    """Drop expired records that are held without a place in a chain; returns how many were still here."""
    hold(db, Lock.ERASURE)
    here = sorted(pending_records.present(db, ids))
    with overwriting(db):
        pending_records.drop(db, here)
    counters.increase(db, {counters.ERASED: len(here)})
    _note_unauthenticated(db, node, len(here), now)
    return len(here)


def _note_unauthenticated(db: Transaction, node: str, count: int, now: int) -> None:
    if count:
        detail = f"retention ended; {count} records that are not authenticated"
        access_log.add(db, Operation.ERASURE, actor=node, subjects=[("", detail)], now=now)


def _subject(row: Found) -> str:
    message_id = message_id_of(row.value)
    return str(UUID(bytes=message_id)) if message_id is not None else str(row.id)
