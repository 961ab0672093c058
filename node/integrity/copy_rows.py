"""Copies every row of a store to an empty store, on the same or on another database, and compares both afterwards.

The two databases keep the texts for the search in different forms (node/database/fulltext.py). So the text of a message
is written by the search itself, and compared in the form that both can give.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, LargeBinary, Table, func, insert, select, text

from node.database import fulltext
from node.database.dialects import POSTGRESQL
from node.database.folding import words_of
from node.database.metadata import Id
from node.database.record_tables import message, message_text
from node.integrity.all_tables import TABLES
from node.integrity.row_digest import RowsDigest
from node.integrity.row_streams import ROWS_TOGETHER, rows_of
from node.verification.kinds import kind_of, read_stored

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
                digest.add(_compared(source, target, table, row))
            if table is message_text:
                _write_texts(source, target, chunk)
            else:
                target.execute(insert(table), [dict(zip(names, row, strict=True)) for row in chunk])
        copied[str(table.name)] = CopiedTable(rows=digest.rows, digest=digest.digest)
    _continue_ids(target)
    return copied


def differences(source: Connection, target: Connection, copied: Mapping[str, CopiedTable]) -> list[Difference]:
    """Read every row of the target again; returns the tables that differ from what was copied."""
    found = []
    for table in TABLES:
        digest = RowsDigest()
        for row in rows_of(target, select(table), together=_together(table)):
            digest.add(_compared(target, source, table, tuple(row)))
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


def _compared(here: Connection, there: Connection, table: Table, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values to compare: a text for the search in the form of PostgreSQL, if only one database is PostgreSQL."""
    if table is not message_text or here.dialect.name in (there.dialect.name, POSTGRESQL):
        return row
    return row[0], " ".join(words_of(row[1]))


def _write_texts(source: Connection, target: Connection, rows: list[tuple[Any, ...]]) -> None:
    if source.dialect.name == target.dialect.name:
        target.execute(insert(message_text), [{"message": id_, "text": content} for id_, content in rows])
        return
    if source.dialect.name == POSTGRESQL:
        ids = [id_ for id_, _ in rows]
        payloads = source.execute(select(message.c.id, message.c.payload).where(message.c.id.in_(ids)))
        rows = [(id_, _text_of(payload)) for id_, payload in payloads]
    fulltext.add(target, rows)


def _text_of(payload: bytes) -> str:
    """The text of a stored message as its kind gives it."""
    content = read_stored(payload)
    terms = kind_of(content).search_terms
    if terms is None:
        raise AssertionError("a message with a text has a kind with search terms")
    return terms(content).text


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
