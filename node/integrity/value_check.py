"""Checks that each value has the type of its column, on a database that does not check this itself (SQLite).

The other checks compute with the values, so a table with a finding here is not checked further.
"""

from typing import Any, Final

from sqlalchemy import Column, ColumnElement, LargeBinary, String, Table, and_, func, literal_column, or_, select
from sqlalchemy.types import Boolean, Integer

from node.database.engine import Transaction
from node.database.record_tables import identifier
from node.integrity.finding_types import FINDINGS_OF_A_KIND_MAX, FindingCode, Findings, key_of

PERSONAL_KEYS: Final = frozenset({identifier.c.value})
"""Columns of a primary key that may hold personal data: no finding shows them."""


def key_columns(table: Table) -> list[Column[Any]]:
    """The columns that name a row of `table` in a finding."""
    return [column for column in table.primary_key.columns if column not in PERSONAL_KEYS]


def check_values(db: Transaction, table: Table, findings: Findings) -> None:
    """Report the values of `table` whose type or length does not fit their column, with the first rows that have one.

    A finding names the type that was found, and not the value.
    """
    keys, columns = key_columns(table), list(table.columns)
    wrong = [_wrong(column).label(f"wrong_{place}") for place, column in enumerate(columns)]
    kinds = [func.typeof(column).label(f"kind_{place}") for place, column in enumerate(columns)]
    raw_keys: list[ColumnElement[Any]] = [
        literal_column(str(column)).label(f"key_{place}") for place, column in enumerate(keys)
    ]
    statement = select(*raw_keys, *wrong, *kinds).select_from(table).where(or_(*map(_wrong, columns)))
    for row in db.execute(statement.limit(FINDINGS_OF_A_KIND_MAX)):
        flags, found = row[len(keys) : len(keys) + len(columns)], row[len(keys) + len(columns) :]
        for place, column in enumerate(columns):
            if flags[place]:
                findings.report(
                    FindingCode.VALUE_INVALID,
                    table.name,
                    key_of(*row[: len(keys)]),
                    expected=f"{column.name}: {column.type}",
                    found=f"{column.name}: {found[place]}",
                )


def _wrong(column: Column[Any]) -> ColumnElement[bool]:
    kind = func.typeof(column)
    right = [kind == _stored_as(column)]
    if isinstance(column.type, Boolean):
        right.append(literal_column(f'"{column.table.name}"."{column.name}"').in_([0, 1]))
    length = getattr(column.type, "length", None)
    if length is not None and isinstance(column.type, LargeBinary):
        right.append(func.length(column) == length)
    elif length is not None:
        right.append(func.length(column) <= length)
    fits = and_(*right)
    return ~or_(fits, kind == "null") if column.nullable else ~fits


def _stored_as(column: Column[Any]) -> str:
    if isinstance(column.type, (Integer, Boolean)) or column.foreign_keys:
        return "integer"
    return "text" if isinstance(column.type, String) else "blob"
