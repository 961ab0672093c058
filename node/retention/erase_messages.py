"""Erases the messages whose retention has ended: payload, text, subjects, identifiers and the content of the record.

The row stays, with the record without its content: it proves what was here, and the same record read again from the
log is a duplicate.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, bindparam, delete, select

from node.database import fulltext
from node.database.dialects import overwriting
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.record_tables import identifier, message, message_subject
from node.database.statements import Found, change, rows_for, set_rows
from node.store import access_log, counters
from node.store.access_log import Operation, erasure_detail
from node.undecided import usage
from node.undecided.usage import Budget, Usage
from node.verification.erased_records import without_content
from node.verification.kinds import read_stored, terms_of
from schemas.avro.codec import BadMessage

ENDED: Final = (message.c.erased_at.is_(None), message.c.expires_at <= bindparam("now"))
_EXPIRED: Final = (
    select(*(message.c[name] for name in ("id", "message_id", "originator", "expires_at", "payload", "record")))
    .where(*ENDED)
    .order_by(message.c.expires_at, message.c.id)
    .limit(bindparam("at_most"))
)
_ANY: Final = select(message.c.id).where(*ENDED).limit(1)
_KEYS: Final = {table: [column for column in table.primary_key.columns] for table in (identifier, message_subject)}
_FORGET: Final = {
    table: delete(table).where(*(column == bindparam(f"its_{column.name}") for column in columns))
    for table, columns in _KEYS.items()
}


def is_due(db: Transaction, now: int) -> bool:
    """Whether the retention of a message has ended at `now` (ms), and its content is still here."""
    return bool(rows_for(db, _ANY, {"now": now}))


def erase(db: Transaction, *, node: str, now: int, limit: int) -> int:
    """Erase at most `limit` messages that have expired at `now` (ms), in the name of `node`; returns how many."""
    hold(db, Lock.ERASURE)
    rows = rows_for(db, _EXPIRED, {"now": now, "at_most": limit})
    if not rows:
        return 0
    erased = [(b"", without_content(row.record), now, row.id) for row in rows]
    with overwriting(db):
        _forget_terms(db, rows)
        fulltext.remove(db, [row.id for row in rows])
        set_rows(db, message, ("payload", "record", "erased_at"), erased)
    counters.increase(db, {counters.STORED: -len(rows), counters.ERASED: len(rows)})
    usage.add(
        db,
        [
            (row.originator, Budget.STORED, Usage(0, len(left) - len(row.payload) - len(row.record)))
            for row, (_, left, _, _) in zip(rows, erased, strict=True)
        ],
    )
    subjects = [(str(UUID(bytes=row.message_id)), erasure_detail(row.expires_at)) for row in rows]
    access_log.add(db, Operation.ERASURE, actor=node, subjects=subjects, now=now)
    return len(rows)


def _forget_terms(db: Transaction, rows: Sequence[Found]) -> None:
    """Delete the subjects and identifiers of messages.

    Neither table has an index by message, so the rows are found by what the payload says. If that gives another number
    of rows than the payload has, or the payload cannot be read, the whole table is searched.
    """
    wanted: dict[Table, list[tuple[Any, ...]]] = {identifier: [], message_subject: []}
    complete = True
    for row in rows:
        try:
            terms = terms_of(read_stored(row.payload))
        except BadMessage:
            complete = False
            continue
        wanted[identifier] += [(scheme, value, row.id, country) for scheme, value, country in terms.match_keys]
        wanted[message_subject] += [(subject, row.id) for subject in terms.subjects]
    for table, keys in wanted.items():
        names = [f"its_{column.name}" for column in _KEYS[table]]
        deleted = change(db, _FORGET[table], [dict(zip(names, key, strict=True)) for key in keys])
        if deleted != len(keys) or not complete:
            db.execute(delete(table).where(table.c.message.in_([row.id for row in rows])))
