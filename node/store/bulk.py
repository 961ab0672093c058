"""Many rows into one table with one statement that is compiled once.

SQLAlchemy looks at each value of each row of an `execute`; for rows whose values the driver takes as they are (numbers,
text, bytes, null) that is as much work as the database's own. The statement still comes from the table's definition.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_rows(db: AsyncConnection, table: Table, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert `rows`, whose values stand in the order of `names`."""
    if rows:
        await db.exec_driver_sql(_statement(table, names), list(rows))


@cache
def _statement(table: Table, names: tuple[str, ...]) -> str:
    """INSERT with one place for each name, in their order."""
    compiled = insert(table).compile(dialect=sqlite.dialect(), column_keys=list(names))
    order = compiled.positiontup  # type: ignore[attr-defined]  # a compiled INSERT has it
    places = {name: index for index, name in enumerate(order)}
    if [places[name] for name in names] != sorted(places.values()):
        raise ValueError(f"{table.name}: name the columns in the order of the table")
    return str(compiled)
