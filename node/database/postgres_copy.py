"""Inserts many rows into a table of PostgreSQL by COPY in its binary form: a third of the time of INSERT."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, String, Table
from sqlalchemy.types import TypeEngine

from node.database import direct
from node.database.dialects import POSTGRESQL

COPIED_ROWS_MIN: Final = 8  # for fewer rows INSERT is as quick
_TYPES: Final[tuple[tuple[type[TypeEngine[Any]], str], ...]] = (
    (BigInteger, "int8"),
    (Integer, "int4"),
    (Boolean, "bool"),
    (LargeBinary, "bytea"),
    (String, "text"),
)
"""A type of a column, before the types that it is derived from -> the name of PostgreSQL."""


def is_worth_it(db: Connection, rows: Sequence[Sequence[Any]]) -> bool:
    """Whether `copy_rows` is the quicker way."""
    return len(rows) >= COPIED_ROWS_MIN and db.dialect.name == POSTGRESQL


def copy_rows(db: Connection, table: Table, names: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
    """Insert `rows`; their values are in the order of `names`. A row whose key is in the table is an error."""
    text, types = _copying(table, names)
    direct.copy(db, text, types, rows)


@cache
def _copying(table: Table, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    columns = ", ".join(f'"{name}"' for name in names)
    types = tuple(_type_of(table.c[name].type) for name in names)
    return f'COPY "{table.name}" ({columns}) FROM STDIN WITH (FORMAT BINARY)', types


def _type_of(column: TypeEngine[Any]) -> str:
    return next(name for kind, name in _TYPES if isinstance(column, kind))
