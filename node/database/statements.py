"""Inserts, updates and selects rows by statements that are compiled once for each dialect.

SQLAlchemy processes each value of each row of an `execute`. If the driver takes the values as they are (numbers, text,
bytes, null), this costs more than the work of the database. The statements here are compiled to text with positions
for their values, and the values go to the driver unchanged (node/database/direct.py).
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import (
    ClauseElement,
    Connection,
    Delete,
    Dialect,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    insert,
    update,
)

from node.database import direct
from node.database.dialects import POSTGRESQL, Upsert, copying

Rows = Sequence[tuple[Any, ...]]
Found: TypeAlias = Any
"""A row that `rows_for` returns: a named tuple of the selected columns."""

ROWS_TOGETHER_MAX: Final = 500  # SQLite takes 32,766 values in a statement
COPIED_ROWS_MIN: Final = 8  # COPY takes a third of the time of INSERT for many rows
STATEMENTS_REMEMBERED_MAX: Final = 256
_KEY: Final = "key"
_PARAMSTYLES: Final = {"sqlite": "qmark"}
_PARAMSTYLE: Final = "format"


class _Selecting(NamedTuple):
    """A compiled SELECT."""

    text: str
    order: tuple[tuple[str, int | None], ...]
    """For each of its parameters the name and, in a list, the index of a value."""

    fixed: Mapping[str, Any]
    """The values that the statement has itself, such as an offset of 0."""

    row: type[Any]


def insert_rows(db: Connection, table: Table, names: tuple[str, ...], rows: Rows) -> None:
    """Insert `rows`; their values are in the order of `names`, which is the order of the table."""
    if len(rows) >= COPIED_ROWS_MIN and db.dialect.name == POSTGRESQL:
        direct.copy(db, *copying(table, names), rows)
    elif rows:
        direct.execute_many(db, _inserting(_dialect(db), table, names), rows)


def insert_together(db: Connection, table: Table, names: tuple[str, ...], rows: Rows) -> None:
    """Insert `rows` with one execution for ROWS_TOGETHER_MAX rows, for a table whose trigger feeds a full-text index.

    The index does much of its work once for each execution; row by row it takes three times as long.
    """
    if db.dialect.name == POSTGRESQL:
        insert_rows(db, table, names, rows)
        return
    for first in range(0, len(rows), ROWS_TOGETHER_MAX):
        chunk = rows[first : first + ROWS_TOGETHER_MAX]
        values = tuple(value for row in chunk for value in row)
        direct.execute(db, _inserting_together(_dialect(db), table, names, len(chunk)), values)


def set_rows(db: Connection, table: Table, names: tuple[str, ...], rows: Rows) -> int:
    """Update the columns `names` (in the order of the table) of rows; each of `rows` ends with its `id`.

    Returns how many rows were there.
    """
    if not rows:
        return 0
    count: int = direct.execute_many(db, _setting(_dialect(db), table, names), rows).rowcount
    return count


def change(db: Connection, statement: Insert | Update | Delete | Upsert, rows: Sequence[Mapping[str, Any]]) -> int:
    """Execute a statement for each of `rows`, which all have the same names; returns how many rows it changed.

    The names are those of its bindparams, and of the columns of an INSERT without VALUES.
    """
    if not rows:
        return 0
    if isinstance(statement, Upsert):
        statement = statement.of(db.dialect.name)
    text, order, fixed = _changing(_dialect(db), statement, tuple(rows[0]))
    done = direct.execute_many(
        db, text, [[row[name] if name in row else fixed[name] for name in order] for row in rows]
    )
    count: int = done.rowcount
    return count


def rows_for(db: Connection, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[Found]:
    """The rows that `statement` selects. It has a bindparam for each of `values`, an expanding one for a list.

    Columns are as the driver returns them: a boolean of SQLite is 0 or 1.
    """
    lists = {name: _padded(value) for name, value in values.items() if isinstance(value, list)}
    if not all(lists.values()):
        return ()
    lengths = tuple((name, len(lists[name]) if name in lists else None) for name in values)
    selecting = _selecting(_dialect(db), statement, lengths)
    known = {**selecting.fixed, **values, **lists}
    given = [known[name] if index is None else known[name][index] for name, index in selecting.order]
    return [selecting.row(*found) for found in direct.rows(db, selecting.text, given)]


def _padded(values: list[Any]) -> list[Any]:
    """The same values, the last one repeated up to a power of two, so that few different texts are compiled."""
    return values + values[-1:] * ((1 << (len(values) - 1).bit_length()) - len(values)) if values else values


def _dialect(db: Connection) -> Dialect:
    kind: Callable[..., Dialect] = type(db.dialect)
    return _with_positions(kind, _PARAMSTYLES.get(db.dialect.name, _PARAMSTYLE))


@cache
def _with_positions(kind: Callable[..., Dialect], paramstyle: str) -> Dialect:
    """The dialect whose parameters have positions instead of names; all engines of its kind share it."""
    return kind(paramstyle=paramstyle)


@lru_cache(STATEMENTS_REMEMBERED_MAX)
def _selecting(dialect: Dialect, statement: Select[Any], lengths: tuple[tuple[str, int | None], ...]) -> _Selecting:
    """The text for lists of these lengths."""
    dummies: dict[str, Any] = {name: None if length is None else [None] * length for name, length in lengths}
    compiled = statement.params(dummies).compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    indexes = {f"{name}_{index + 1}": (name, index) for name, length in lengths for index in range(length or 0)}
    columns = [column.name for column in statement.selected_columns]
    return _Selecting(
        text=str(compiled),
        order=tuple(indexes.get(name, (name, None)) for name in compiled.positiontup or ()),
        fixed={name: bind.effective_value for name, bind in compiled.binds.items() if name not in dummies},
        row=namedtuple("row", columns, rename=True),
    )


@lru_cache(STATEMENTS_REMEMBERED_MAX)
def _changing(
    dialect: Dialect, statement: Insert | Update | Delete, names: tuple[str, ...]
) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
    """The text, the names of its parameters in their order, and the values that the statement has itself."""
    keys = None
    if isinstance(statement, Insert):
        statement, keys = statement.inline(), list(names)  # PostgreSQL would return the ids that it gave
    compiled = statement.compile(dialect=dialect, column_keys=keys)
    return str(compiled), tuple(compiled.positiontup or ()), compiled.params


@cache
def _inserting(dialect: Dialect, table: Table, names: tuple[str, ...]) -> str:
    return _text(dialect, insert(table).inline(), names, names)


@lru_cache(STATEMENTS_REMEMBERED_MAX)
def _inserting_together(dialect: Dialect, table: Table, names: tuple[str, ...], count: int) -> str:
    head, word, places = _inserting(dialect, table, names).rpartition("VALUES ")
    return head + word + ", ".join([places] * count)


@cache
def _setting(dialect: Dialect, table: Table, names: tuple[str, ...]) -> str:
    statement = update(table).where(table.c.id == bindparam(_KEY))
    return _text(dialect, statement, names, (*names, _KEY))


def _text(dialect: Dialect, statement: ClauseElement, names: tuple[str, ...], order: tuple[str, ...]) -> str:
    """The text of a statement for these columns, with its parameters in this order."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    if tuple(compiled.positiontup or ()) != order:  # type: ignore[attr-defined]
        raise ValueError("name the columns in the order of the table")
    return str(compiled)
