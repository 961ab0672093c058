"""Copies every row of a store to an empty store, on the same or on another database, and compares both afterwards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, LargeBinary, Table, func, insert, select, text
from sqlalchemy.exc import DataError

from node.database.damage import store_damaged
from node.database.dialects import POSTGRESQL
from node.database.metadata import Id
from node.database.record_tables import message_text
from node.database.statements import insert_together
from node.integrity.all_tables import TABLES
from node.integrity.row_digest import RowsDigest
from node.integrity.row_streams import ROWS_TOGETHER, rows_of

SMALL_ROWS_TOGETHER: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedTable:
    """One table after the copy."""

    rows: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A table that is not the same in both stores."""

    table: str
    expected: CopiedTable
    found: CopiedTable


def copy_rows(source: Connection, target: Connection) -> Mapping[str, CopiedTable]:
    """Copy all tables, parents before their children. Returns what was read, by table."""
    copied = {}
    for table in TABLES:
        together, digest = _together(table), RowsDigest()
        rows = rows_of(source, select(table).order_by(*table.primary_key.columns), together=together)
        names = [column.name for column in table.columns]
        for chunk in _chunks(rows, together):
            for row in chunk:
                digest.add(row)
            _insert(target, table, names, chunk)
        copied[str(table.name)] = CopiedTable(rows=digest.rows, digest=digest.digest)
    _continue_ids(target)
    return copied


def _insert(target: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows. Raises UsageError about a value that the column of the target cannot hold.

    SQLite stores any value in any column; PostgreSQL does not.
    """
    try:
        if table is message_text:
            insert_together(target, table, tuple(names), rows)
        else:
            target.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])
    except DataError as error:
        raise store_damaged(f"a row of the table {table.name} has a value that its column cannot hold") from error


def differences(target: Connection, copied: Mapping[str, CopiedTable]) -> list[Difference]:
    """Read every row of the target again; returns the tables that differ from what was copied."""
    found = []
    for table in TABLES:
        digest = RowsDigest()
        for row in rows_of(target, select(table), together=_together(table)):
            digest.add(tuple(row))
        here = CopiedTable(rows=digest.rows, digest=digest.digest)
        if here != copied[table.name]:
            found.append(Difference(table=str(table.name), expected=copied[table.name], found=here))
    return found


def _chunks(rows: Iterator[Any], size: int) -> Iterator[list[tuple[Any, ...]]]:
    chunk: list[tuple[Any, ...]] = []
    for row in rows:
        chunk.append(tuple(row))
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _together(table: Table) -> int:
    large = any(isinstance(column.type, LargeBinary) and column.type.length is None for column in table.columns)
    return ROWS_TOGETHER if large or table is message_text else SMALL_ROWS_TOGETHER


def _continue_ids(target: Connection) -> None:
    """Let the next row of each numbered table get an id above all copied ones; SQLite does so by itself."""
    if target.dialect.name != POSTGRESQL:
        return
    for table in TABLES:
        column = table.columns.get("id")
        if column is None or column.type is not Id:
            continue
        last = target.scalar(select(func.max(column)))
        sequence = target.scalar(text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table.name})
        if last is not None and sequence is not None:
            target.execute(text("SELECT setval(CAST(:name AS regclass), :last)"), {"name": sequence, "last": last})
