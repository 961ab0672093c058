"""Inserts, updates and selects many rows by statements that are compiled once.

SQLAlchemy processes each value of each row of an `execute`. If the driver takes the values as they are (numbers, text,
bytes, null), this costs as much as the work of the database. The statements here are made from the table definitions,
and their values go to the driver unchanged.
"""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import Insert, Row, Select, Table, Update, bindparam, insert, update
from sqlalchemy.dialects import sqlite

from node.database.engine import Transaction

Rows = Sequence[tuple[Any, ...]]
ROWS_TOGETHER_MAX: Final = 500  # SQLite takes 32,766 values in a statement
STATEMENTS_REMEMBERED_MAX: Final = 64
_KEY: Final = "key"


def insert_rows(db: Transaction, table: Table, names: tuple[str, ...], rows: Rows) -> None:
    """Insert `rows`; their values are in the order of `names`, which is the order of the table."""
    if rows:
        db.exec_driver_sql(_inserting(table, names), list(rows))


def insert_together(db: Transaction, table: Table, names: tuple[str, ...], rows: Rows) -> None:
    """Insert `rows` with one execution for ROWS_TOGETHER_MAX rows, for a table whose trigger feeds a full-text index.

    The index does much of its work once for each execution; row by row it takes three times as long.
    """
    for first in range(0, len(rows), ROWS_TOGETHER_MAX):
        chunk = rows[first : first + ROWS_TOGETHER_MAX]
        values = tuple(value for row in chunk for value in row)
        db.exec_driver_sql(_inserting_together(table, names, len(chunk)), values)


def set_rows(db: Transaction, table: Table, names: tuple[str, ...], rows: Rows) -> None:
    """Update the columns `names` (in the order of the table) of existing rows; each of `rows` ends with its `id`."""
    if rows:
        db.exec_driver_sql(_setting(table, names), list(rows))


def rows_for(db: Transaction, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """The rows that `statement` selects. It has a bindparam for each of `values`, an expanding one for a list.

    Columns are as the driver returns them: a boolean is 0 or 1.
    """
    lists = {name: _padded(value) for name, value in values.items() if isinstance(value, list)}
    if not all(lists.values()):
        return ()
    text, order = _selecting(statement, tuple((name, len(lists[name]) if name in lists else None) for name in values))
    given = [values[name] if index is None else lists[name][index] for name, index in order]
    return db.exec_driver_sql(text, tuple(given)).all()


def _padded(values: list[Any]) -> list[Any]:
    """The same values, the last one repeated up to a power of two, so that few different texts are compiled."""
    return values + values[-1:] * ((1 << (len(values) - 1).bit_length()) - len(values)) if values else values


@lru_cache(STATEMENTS_REMEMBERED_MAX)
def _selecting(
    statement: Select[Any], lengths: tuple[tuple[str, int | None], ...]
) -> tuple[str, tuple[tuple[str, int | None], ...]]:
    """The text for lists of these lengths, and for each of its parameters the name and the index of a value."""
    dummies: dict[str, Any] = {name: None if length is None else [None] * length for name, length in lengths}
    compiled = statement.params(dummies).compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
    indexes = {f"{name}_{index + 1}": (name, index) for name, length in lengths for index in range(length or 0)}
    return str(compiled), tuple(indexes.get(name, (name, None)) for name in compiled.positiontup or ())


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
    """The text of a statement for these columns, with its parameters in this order."""
    compiled = statement.compile(dialect=sqlite.dialect(), column_keys=list(names))
    if tuple(compiled.positiontup or ()) != order:
        raise ValueError(f"{statement.table}: name the columns in the order of the table")
    return str(compiled)
