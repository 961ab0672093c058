"""Reads the access log page by page, as it is in the database: also rows that somebody damaged."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.exc import DBAPIError

from node.access_chain import head_rows
from node.access_chain.entry_hash import FIELDS
from node.access_chain.signed_head import LogPoint
from node.database.access_tables import access_log
from node.database.dialects import SQLITE
from node.database.engine import Transaction
from node.database.statements import rows_for

ROWS_TOGETHER_MAX: Final = 500
_COLUMNS: Final = [access_log.c[name] for name in (*FIELDS, "hash")]
_AFTER: Final = (
    select(*_COLUMNS).where(access_log.c.id > bindparam("after")).order_by(access_log.c.id).limit(ROWS_TOGETHER_MAX)
)
_IDS_AFTER: Final = (
    select(access_log.c.id)
    .where(access_log.c.id > bindparam("after"))
    .order_by(access_log.c.id)
    .limit(ROWS_TOGETHER_MAX)
)
_ONE: Final = select(*_COLUMNS).where(access_log.c.id == bindparam("of"))
_HASH: Final = select(access_log.c.hash).where(access_log.c.id == bindparam("of"))


def page(db: Transaction, *, after: int) -> tuple[Sequence[Sequence[Any]], LogPoint | None]:
    """The next ROWS_TOGETHER_MAX rows above the id `after`, and the end that the store notes at this moment."""
    try:
        rows: Sequence[Sequence[Any]] = rows_for(db, _AFTER, {"after": after})
    except DBAPIError:
        if db.dialect.name != SQLITE:
            raise
        rows = [_one(db, row.id) for row in rows_for(db, _IDS_AFTER, {"after": after})]
    return rows, head_rows.end(db)


def _one(db: Transaction, id_: int) -> Sequence[Any]:
    """A row; one with bytes in place of a text has nothing but its id and its hash."""
    try:
        return tuple(rows_for(db, _ONE, {"of": id_})[0])
    except DBAPIError:
        return (id_, *([None] * (len(FIELDS) - 1)), rows_for(db, _HASH, {"of": id_})[0].hash)
