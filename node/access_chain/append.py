"""Adds entries to the access log: each gets the next id, and the hash that chains it to the entry before it.

This is the only module that adds entries. Rules:

- The order of ids is the order of the chain. A transaction holds Lock.ACCESS from before it reads the end of the chain
  until it is committed, so two processes write one chain. It is the last lock that a transaction takes.
- The row of `access_end` names the last entry. Entries that are deleted at the end of the table are missed by it.
- An entry that somebody inserted behind the end keeps its id and gets no place in the chain. It does not stop the node.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, select

from node.access_chain.entry_hash import FIELDS, FIRST_PREVIOUS, entry_hash
from node.database.access_tables import access_end, access_log
from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.statements import change, insert_rows, rows_for

END_ID: Final = 1
_NAMES: Final = (*FIELDS, "hash")
_HIGHEST: Final = select(func.max(access_log.c.id)).scalar_subquery()
_END: Final = select(access_end.c.entry, access_end.c.hash, _HIGHEST.label("highest")).where(access_end.c.id == END_ID)
_LAST: Final = select(access_log.c.id, access_log.c.hash).where(access_log.c.id == _HIGHEST)
_PUT_END: Final = Upsert(
    access_end,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["id"], set_={"entry": insert.excluded.entry, "hash": insert.excluded.hash}
    ),
)


def append(db: Transaction, entries: Sequence[tuple[Any, ...]]) -> None:
    """Add `entries`, whose values are in the order of FIELDS without the id."""
    if not entries:
        return
    hold(db, Lock.ACCESS)
    id_, previous = _end(db)
    rows = []
    for values in entries:
        id_ += 1
        entry = (id_, *values)
        previous = entry_hash(previous, entry)
        rows.append((*entry, previous))
    insert_rows(db, access_log, _NAMES, rows)
    change(db, _PUT_END, [{"id": END_ID, "entry": id_, "hash": previous}])


def _end(db: Transaction) -> tuple[int, bytes]:
    """The highest id that is taken, and the hash that the next entry covers."""
    for end in rows_for(db, _END, {}):
        return max(end.entry, end.highest or 0), end.hash
    for last in rows_for(db, _LAST, {}):  # somebody deleted the row; `access verify` compares with the signed heads
        return last.id, last.hash or FIRST_PREVIOUS
    return 0, FIRST_PREVIOUS
