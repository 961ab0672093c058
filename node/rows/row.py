"""The rows of a file to import, and the account of its lines. Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.field_errors import FieldError
from schemas.types import MappingFormat


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file, unconverted."""

    number: int
    """Number of the data row, from 1."""

    line: int
    last_line: int
    """The first and the last line of the file that belong to the row, from 1; of XLSX the row of the sheet."""

    values: Mapping[str, Any]
    """By column: text, None, or in JSON also booleans, lists and objects; numbers are text."""

    clean: bool = True
    """False if a value has bytes that are not valid in the encoding of the file."""

    error: FieldError | None = None
    """The error if the row could not be read; then `values` is empty."""


@dataclass(slots=True, kw_only=True)
class LineAccount:
    """The lines of the file that were read so far: `total` is `header`, `blank` and the lines of the rows."""

    total: int = 0
    header: int = 0
    """Lines before the first row: the header, and what is before it."""

    blank: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFormat:
    """The format of a file."""

    format: MappingFormat
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    """Empty: the file has no quoted cells."""

    escape: str | None = None
    columns: tuple[str, ...] = ()
    """Names of the columns of a file without a header."""

    skip_lines: int = 0
    """Lines before the header."""

    rows: str | None = None
    """Path of the array in a JSON file; None if the array is the whole file."""

    sheet: str | None = None
    """Sheet of an XLSX file; None for the first one."""
