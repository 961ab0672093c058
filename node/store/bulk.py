"""Many rows by one statement that is compiled once.

SQLAlchemy looks at each value of each row of an `execute`; for rows whose values the driver takes as they are (numbers,
text, bytes, null) that is as much work as the database's own. The statement still comes from the table's definition.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import Insert, Table, Update, bindparam, insert, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Rows = Sequence[tuple[Any, ...]]
ROWS_TOGETHER_MAX: Final = 500  # SQLite takes 32,766 values in a statement
STATEMENTS_REMEMBERED_MAX: Final = 64
_KEY: Final = "key"


async def insert_rows(db: AsyncConnection, table: Table, names: tuple[str, ...], rows: Rows) -> None:
    """Insert `rows`, whose values stand in the order of `names`, which is the table's."""
    if rows:
        await db.exec_driver_sql(_inserting(table, names), list(rows))


async def insert_together(db: AsyncConnection, table: Table, names: tuple[str, ...], rows: Rows) -> None:
    """The same by one execution for ROWS_TOGETHER_MAX rows: where a trigger feeds the full-text index.

    The index does much of its work once for each statement; row by row it takes three times as long.
    """
    for first in range(0, len(rows), ROWS_TOGETHER_MAX):
        chunk = rows[first : first + ROWS_TOGETHER_MAX]
        values = tuple(value for row in chunk for value in row)
        await db.exec_driver_sql(_inserting_together(table, names, len(chunk)), values)


async def set_rows(db: AsyncConnection, table: Table, names: tuple[str, ...], rows: Rows) -> None:
    """Set the columns `names`, in the table's order, of rows that are there; each of `rows` ends with its `id`."""
    if rows:
        await db.exec_driver_sql(_setting(table, names), list(rows))


@cache
def _inserting(table: Table, names: tuple[str, ...]) -> str:
    return _text(insert(table), names, names)


@lru_cache(STATEMENTS_REMEMBERED_MAX)
def _inserting_together(table: Table, names: tuple[str, ...], count: int) -> str:
    head, word, places = _inserting(table, names).rpartition("VALUES ")
    return head + word + ", ".join([places] * count)


@cache
def _setting(table: Table, names: tuple[str, ...]) -> str:
    return _text(update(table).where(table.c.id == bindparam(_KEY)), names, (*names, _KEY))


def _text(statement: Insert | Update, names: tuple[str, ...], order: tuple[str, ...]) -> str:
    """The statement for these columns, with its places in this order."""
    compiled = statement.compile(dialect=sqlite.dialect(), column_keys=list(names))
    if tuple(compiled.positiontup or ()) != order:
        raise ValueError(f"{statement.table}: name the columns in the order of the table")
    return str(compiled)
