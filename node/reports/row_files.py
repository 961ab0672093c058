"""Reads the rows of a file to import: CSV (fields may span lines), a JSON array of objects, or NDJSON.

It does not know what the columns mean (node/reports/mapping.py). A row that cannot be read has an error, and reading
continues with the next row.

Rules:
- The values of a row are text or None by column. JSON numbers keep the text of the file.
- The row number counts data rows from 1. The line is the line where the row begins.
- Bytes outside the file's encoding are an error of their row only. A file of another format raises `UsageError`.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from node.errors import UsageError
from schemas.field_errors import FieldError
from schemas.types import MappingFormat

JSON_SIZE_BYTES_MAX: Final = 256 * 1024 * 1024  # a JSON array is read into memory; NDJSON and CSV are streamed
FIELD_LENGTH_MAX: Final = 1_000_000  # characters of one column; a report holds a quarter of that


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the file, unconverted."""

    number: int
    line: int
    values: Mapping[str, str | None]
    """Text by column; None where JSON has null."""

    error: FieldError | None = None
    """The error if the row could not be read; then `values` is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFormat:
    """The format of a file."""

    format: MappingFormat
    encoding: str
    delimiter: str


def read_rows(path: Path, row_format: RowFormat) -> Iterator[Row]:
    """The rows of a file. Raises `UsageError` if the file is not readable or has another format."""
    with _opened(path, row_format) as file:
        yield from _READERS[row_format.format](file, row_format, path)


def columns(path: Path, row_format: RowFormat) -> frozenset[str]:
    """The columns of a file: the header of CSV, the keys of all objects of JSON."""
    if row_format.format is not MappingFormat.csv:
        return frozenset(name for row in read_rows(path, row_format) for name in row.values)
    with _opened(path, row_format) as file:
        return frozenset(_header(csv.reader(file, delimiter=row_format.delimiter), path))


@contextmanager
def _opened(path: Path, row_format: RowFormat) -> Iterator[TextIO]:
    encoding = "utf-8-sig" if row_format.encoding == "utf-8" else row_format.encoding
    try:
        with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
            yield file
    except OSError as error:
        raise UsageError("file_unreadable", f"{path}: {error.strerror}", path=str(path)) from None


def _header(reader: Iterator[list[str]], path: Path) -> list[str]:
    header = next(reader, None)
    if not header or len(set(header)) != len(header):
        raise UsageError("file_malformed", f"{path}: the first line must name each column once", path=str(path))
    return header


def _csv(file: TextIO, row_format: RowFormat, path: Path) -> Iterator[Row]:
    csv.field_size_limit(FIELD_LENGTH_MAX)
    reader = csv.reader(file, delimiter=row_format.delimiter, strict=True)
    header = _header(reader, path)
    number = 0
    while True:
        line = reader.line_num + 1
        number += 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            yield _bad(number, line, "row_malformed", str(error))
            continue
        if fields is None:
            return
        if not fields:
            number -= 1  # a blank line is not a row
        elif len(fields) != len(header):
            yield _bad(number, line, "row_malformed", f"has {len(fields)} columns, and the header has {len(header)}")
        else:
            yield _row(number, line, dict(zip(header, fields, strict=True)))


def _json(file: TextIO, _row_format: RowFormat, path: Path) -> Iterator[Row]:
    text = file.read(JSON_SIZE_BYTES_MAX + 1)
    if len(text) > JSON_SIZE_BYTES_MAX:
        hint = "write one object on each line and set format to ndjson"
        raise UsageError("file_too_large", f"{path} is larger than {JSON_SIZE_BYTES_MAX:,} bytes", hint=hint)
    try:
        items = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise UsageError("file_malformed", f"{path} is not valid JSON: {error}", path=str(path)) from None
    if not isinstance(items, list):
        raise UsageError("file_malformed", f"{path} is not a JSON array of objects", path=str(path))
    for number, item in enumerate(items, start=1):
        yield _object(number, number, item)


def _ndjson(file: TextIO, _row_format: RowFormat, _path: Path) -> Iterator[Row]:
    number = 0
    line = 0
    while text := file.readline(FIELD_LENGTH_MAX):
        line += 1
        if not text.strip():
            continue
        number += 1
        if len(text) == FIELD_LENGTH_MAX and not text.endswith("\n"):
            while (rest := file.readline(FIELD_LENGTH_MAX)) and not rest.endswith("\n"):
                pass
            yield _bad(number, line, "too_large", f"is longer than {FIELD_LENGTH_MAX:,} characters")
            continue
        try:
            item = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError) as error:
            yield _bad(number, line, "not_json", f"is not valid JSON: {error}")
            continue
        yield _object(number, line, item)


def _object(number: int, line: int, item: Any) -> Row:
    if not isinstance(item, dict):
        return _bad(number, line, "not_an_object", "a row is a JSON object")
    for name, value in item.items():
        if value is not None and not isinstance(value, str | bool):
            return _bad(number, line, "row_malformed", "a value must be text, a number, true, false or null", name)
    return _row(number, line, {name: _text(value) for name, value in item.items()})


def _text(value: str | bool | None) -> str | None:
    return value if isinstance(value, str | None) else str(value).lower()


def _row(number: int, line: int, values: Mapping[str, str | None]) -> Row:
    for name, value in values.items():
        try:
            (value or "").encode()
        except UnicodeEncodeError:
            return _bad(number, line, "encoding_wrong", "has bytes that are not valid in the file's encoding", name)
    return Row(number=number, line=line, values=values)


def _bad(number: int, line: int, code: str, message: str, path: str = "") -> Row:
    return Row(number=number, line=line, values={}, error=FieldError(path=path, code=code, message=message))


_READERS: Final = {MappingFormat.csv: _csv, MappingFormat.json: _json, MappingFormat.ndjson: _ndjson}
