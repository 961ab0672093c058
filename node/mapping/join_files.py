"""Reads the second files of a mapping ([[join]]) into memory, by their key. Bounded.

Rules: each value of the key occurs once. A row that cannot be read refuses the file: the rows that need it would
otherwise lose a value without a word.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from node.errors import UsageError
from node.mapping.cells import JoinedFile
from node.mapping.named_columns import row_format
from node.rows.read_rows import opened_rows
from node.rows.row import Row, RowFormat
from node.rows.source_file import SourceFile
from node.rows.text_encoding import known_encoding
from node.rows.unreadable_cell import UnreadableCell
from schemas import types
from schemas.excerpts import quoted
from schemas.types import MappingJoin

JOINED_ROWS_MAX: Final = 100_000
JOINED_LENGTH_MAX: Final = 20_000_000  # characters of all cells


def read_joins(mapping: types.Mapping, folder: Path) -> dict[str, JoinedFile]:
    """The second files by their names; their paths are relative to the folder of the mapping. Raises UsageError."""
    return {
        join.name: _joined(join, SourceFile(path=folder / join.file, format=_format(mapping, join)), index)
        for index, join in enumerate(mapping.join)
    }


def _format(mapping: types.Mapping, join: MappingJoin) -> RowFormat:
    own = row_format(mapping)
    return replace(
        own,
        format=join.format or own.format,
        encoding=known_encoding(join.encoding) or own.encoding if join.encoding else own.encoding,
        delimiter=join.delimiter or own.delimiter,
        columns=(),
        skip_lines=0,
        rows=None,
        sheet=None,
    )


def _joined(join: MappingJoin, source: SourceFile, index: int) -> JoinedFile:
    rows: dict[str, Mapping[str, Any]] = {}
    columns: dict[str, None] = {}
    length = 0
    with opened_rows(source) as found:
        columns.update(dict.fromkeys(found.columns or ()))
        for row in found:
            values = _values(row, source)
            columns.update(dict.fromkeys(values))
            key = _key(values.get(join.key), row, source, index)
            length += sum(map(_length, values.values()))
            if len(rows) >= JOINED_ROWS_MAX or length > JOINED_LENGTH_MAX:
                message = f"{source.path} has more than {JOINED_ROWS_MAX:,} rows or {JOINED_LENGTH_MAX:,} characters"
                raise UsageError("file_too_large", message, path=f"join[{index}].file")
            if key in rows:
                message = f"{source.path}: line {row.line}: {quoted(key)} occurs twice in the column {join.key}"
                raise UsageError("file_malformed", message, path=f"join[{index}].key")
            if key:
                rows[key] = values
    if join.key not in columns:
        message = f"{source.path}: there is no column {join.key}"
        hint = f"it has {', '.join(columns)}"[:400]
        raise UsageError("unknown_column", message, path=f"join[{index}].key", hint=hint)
    return JoinedFile(
        name=join.name,
        file=join.file,
        column=join.column,
        columns=frozenset(columns),
        rows=rows,
        optional=join.optional,
    )


def _values(row: Row, source: SourceFile) -> Mapping[str, Any]:
    if row.error is not None or not row.clean:
        reason = row.error.message if row.error is not None else f"has bytes that are not {source.format.encoding}"
        raise UsageError("file_malformed", f"{source.path}: line {row.line} {reason}", path=str(source.path))
    return row.values


def _key(value: object, row: Row, source: SourceFile, index: int) -> str:
    """The text of a key; empty if the row has none."""
    if isinstance(value, dict | list | UnreadableCell):
        message = f"{source.path}: line {row.line}: the key is not a text"
        raise UsageError("file_malformed", message, path=f"join[{index}].key")
    text = str(value).lower() if isinstance(value, bool) else value
    return text.strip() if isinstance(text, str) else ""


def _length(value: object) -> int:
    return len(value if isinstance(value, str) else str(value))


def columns_by_join(joins: Mapping[str, JoinedFile]) -> dict[str, frozenset[str]]:
    """Name of each join -> the columns of its file."""
    return {name: join.columns for name, join in joins.items()}
