"""Reads the rows of a sheet of an XLSX file, piece by piece.

Rules:
- A number keeps the digits of the file, without an exponent. A number whose style is a date is a date.
- A formula has the value that the spreadsheet stored. An error such as #N/A is the text `#N/A`.
- Rows and cells that the file leaves out are empty. Rows without any value are skipped.
- The line of a row is its number in the sheet.
"""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from node.errors import UsageError
from node.limits import DAY_MS
from node.rows.csv_header import numbered
from node.rows.date_cell import DateCell
from node.rows.row import LineAccount, Row
from node.rows.source_file import SourceFile
from node.rows.xlsx_package import SHEET_SIZE_BYTES_MAX, Workbook, number_of, open_workbook, part_events
from schemas.field_errors import FieldError

ROWS_MAX: Final = 1_048_576  # of a sheet
COLUMNS_MAX: Final = 16_384  # of a sheet
_LETTERS_MAX: Final = 3  # of the name of a column
_LETTERS: Final = re.compile(r"[A-Z]{1,3}")
_DIGITS: Final = "0123456789"
_STARTS: Final = frozenset({"c", "row"})
_ENDS: Final = frozenset({"c", "row", "v", "t"})
_WHOLE: Final = re.compile(r"[1-9][0-9]{0,17}")
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001, a local time
_EPOCH_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001, a local time
_DAYS_MAX: Final = 2_958_466
_EXPONENT_MAX: Final = 40
_FIRST_DAY: Final = 61  # before 1 March 1900, Excel counts a day that did not exist

SheetRow = tuple[int, dict[int, str]]
"""Number of the row in the sheet, and its texts by the index of the column."""


class XlsxRows:
    """The rows of a sheet behind its header."""

    def __init__(self, source: SourceFile, workbook: Workbook, account: LineAccount) -> None:
        self.format = source.format
        self._account = account
        self._rows = _sheet_rows(workbook, source)
        self._width = len(self.format.columns)
        self.columns = numbered(self.format.columns) if self._width else self._header(source)
        account.header = account.total = max(account.header, self.format.skip_lines)

    def __iter__(self) -> Iterator[Row]:
        """The rows that have a value."""
        number, before = 0, self._account.header
        for line, cells in self._rows:
            if line <= self.format.skip_lines and self.format.columns:
                continue
            self._account.blank += max(0, line - before - 1)
            self._account.total = before = max(line, before)
            if not any(text.strip() for text in cells.values()):
                self._account.blank += 1
                continue
            number += 1
            beyond = [index for index, text in cells.items() if index >= len(self.columns) and text.strip()]
            if beyond:
                message = f"has a value in column {beyond[0] + 1}, and the header has {len(self.columns)} columns"
                error = FieldError(path="", code="row_malformed", message=message)
                yield Row(number, line, line, {}, True, error)
                continue
            yield Row(number, line, line, {name: cells.get(index, "") for index, name in enumerate(self.columns)})

    def _header(self, source: SourceFile) -> tuple[str, ...]:
        for line, cells in self._rows:
            if line <= self.format.skip_lines or not any(map(str.strip, cells.values())):
                continue
            self._account.header = line
            return numbered([cells.get(index, "").strip() for index in range(max(cells) + 1)])
        message = f"{source.path}: the sheet has no header: its first row must name the columns"
        raise UsageError("file_malformed", message, path=str(source.path))


@contextmanager
def opened_xlsx(source: SourceFile, account: LineAccount) -> Iterator[XlsxRows]:
    """The rows of an XLSX file. Raises UsageError."""
    try:
        archive = zipfile.ZipFile(source.path)
    except OSError as error:
        raise UsageError("file_unreadable", f"{source.path}: {error.strerror}", path=str(source.path)) from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        message = f"{source.path} is not an XLSX file: {error}"
        raise UsageError("file_malformed", message, path=str(source.path)) from None
    with archive:
        yield XlsxRows(source, open_workbook(archive, source.path, source.format.sheet), account)


def _sheet_rows(workbook: Workbook, source: SourceFile) -> Iterator[SheetRow]:
    """The rows that the sheet has, in its order."""
    line, column = 0, -1
    cells: dict[int, str] = {}
    kind, style, raw, inline = "n", 0, "", list[str]()
    found = part_events(workbook.archive, source.path, workbook.sheet, SHEET_SIZE_BYTES_MAX, starts=_STARTS, ends=_ENDS)
    for event, name, attributes in found:
        if event == "start":
            if name == "c":
                column = _column(attributes.get("r"), column)
                kind, style, raw = attributes.get("t", "n"), number_of(attributes.get("s")), ""
                inline.clear()
            elif name == "row":
                line, column, cells = max(line + 1, number_of(attributes.get("r"))), -1, {}
                if line > ROWS_MAX:
                    raise UsageError("file_too_large", f"{source.path} has more than {ROWS_MAX:,} rows")
        elif name == "v":
            raw = attributes["text"]
        elif name == "t":
            inline.append(attributes["text"])
        elif name == "c":
            text = "".join(inline) if kind == "inlineStr" else _text(raw, kind, style, workbook)
            if text:
                cells[column] = text
        elif name == "row":
            yield line, cells


def _column(reference: str | None, before: int) -> int:
    """The index of a cell's column; a cell without reference follows the one before it."""
    letters = reference.rstrip(_DIGITS) if reference is not None else ""
    index = _index_of(letters) if reference != letters and len(letters) <= _LETTERS_MAX else None
    return min(before + 1 if index is None else index, COLUMNS_MAX)


@lru_cache(COLUMNS_MAX)
def _index_of(letters: str) -> int | None:
    """The index of a column by its letters; None for other texts."""
    if not _LETTERS.fullmatch(letters):
        return None
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1


def _text(raw: str, kind: str, style: int, workbook: Workbook) -> str:
    if not raw:
        return ""
    if kind == "s":
        return workbook.texts[int(raw)] if raw.isdigit() and int(raw) < len(workbook.texts) else ""
    if kind == "b":
        return "true" if raw == "1" else "false"
    if kind == "d":
        return raw.replace("T", " ")
    if kind != "n":
        return raw
    if style not in workbook.dates and _WHOLE.fullmatch(raw):
        return raw
    return _number(raw, style, workbook)


def _number(raw: str, style: int, workbook: Workbook) -> str:
    try:
        number = Decimal(raw)
    except InvalidOperation:
        return raw
    if style in workbook.dates and 0 <= number < _DAYS_MAX:
        return _date(number, workbook)
    return _plain(number, raw)


def _plain(number: Decimal, raw: str) -> str:
    """A number without an exponent. Of a fraction, the fewest digits that are the same binary number: 0.1 stays 0.1."""
    if not number.is_finite() or abs(number.adjusted()) > _EXPONENT_MAX:
        return raw
    if number != number.to_integral_value():
        number = Decimal(repr(float(raw)))
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _date(number: Decimal, workbook: Workbook) -> str:
    days, rest = divmod(number, 1)
    ms = round(rest * DAY_MS)
    if days == 0 and not workbook.from_1904:  # a time of day without a date
        return DateCell.of(datetime(1, 1, 1) + timedelta(milliseconds=ms))  # noqa: DTZ001, a local time
    if days < _FIRST_DAY and not workbook.from_1904:
        return _plain(number, str(number))
    epoch = _EPOCH_1904 if workbook.from_1904 else _EPOCH
    ms = round(ms / 1000) * 1000 if abs(ms - round(ms / 1000) * 1000) <= 1 else ms
    return DateCell.of(epoch + timedelta(days=int(days), milliseconds=ms))
