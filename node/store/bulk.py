"""Many rows by one statement that is compiled once.

SQLAlchemy looks at each value of each row of an `execute`; for rows whose values the driver takes as they are (numbers,
text, bytes, null) that is as much work as the database's own. The statement still comes from the table's definition.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Insert, Table, Update, bindparam, insert, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Rows = Sequence[tuple[Any, ...]]
_KEY = "key"


async def insert_rows(db: AsyncConnection, table: Table, names: tuple[str, ...], rows: Rows) -> None:
    """Insert `rows`, whose values stand in the order of `names`, which is the table's."""
    if rows:
        await db.exec_driver_sql(_inserting(table, names), list(rows))


async def set_rows(db: AsyncConnection, table: Table, names: tuple[str, ...], rows: Rows) -> None:
    """Set the columns `names`, in the table's order, of rows that are there; each of `rows` ends with its `id`."""
    if rows:
        await db.exec_driver_sql(_setting(table, names), list(rows))


@cache
def _inserting(table: Table, names: tuple[str, ...]) -> str:
    return _text(insert(table), names, names)


@cache
def _setting(table: Table, names: tuple[str, ...]) -> str:
    return _text(update(table).where(table.c.id == bindparam(_KEY)), names, (*names, _KEY))


def _text(statement: Insert | Update, names: tuple[str, ...], order: tuple[str, ...]) -> str:
    """The statement for these columns, with its places in this order."""
    compiled = statement.compile(dialect=sqlite.dialect(), column_keys=list(names))
    if tuple(compiled.positiontup or ()) != order:
        raise ValueError(f"{statement.table}: name the columns in the order of the table")
    return str(compiled)
