"""Reads the rows of a sheet of an XLSX file, piece by piece.

Rules:
- Rows and cells that the file leaves out are empty. Rows without any value are skipped.
- The line of a row is its number in the sheet.
- node/rows/xlsx_cells.py makes the text of a cell.
"""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from node.errors import UsageError
from node.rows.csv_header import numbered
from node.rows.ole_files import refuse_ole
from node.rows.row import LineAccount, Row
from node.rows.source_file import SourceFile
from node.rows.xlsx_cells import cell_text
from node.rows.xlsx_escapes import unescaped
from node.rows.xlsx_merged import MergedCells, merged_ranges
from node.rows.xlsx_package import SHEET_SIZE_BYTES_MAX, Workbook, number_of, open_workbook, part_events
from schemas.field_errors import FieldError

ROWS_MAX: Final = 1_048_576  # of a sheet
COLUMNS_MAX: Final = 16_384  # of a sheet
_LETTERS_MAX: Final = 3  # of the name of a column
_LETTERS: Final = re.compile(r"[A-Z]{1,3}")
_DIGITS: Final = "0123456789"
_STARTS: Final = frozenset({"c", "row", "rPh"})
_ENDS: Final = frozenset({"c", "row", "v", "t", "f", "rPh"})

SheetRow = tuple[int, dict[int, str]]
"""Number of the row in the sheet, and its texts by the index of the column."""


class XlsxRows:
    """The rows of a sheet behind its header."""

    def __init__(self, source: SourceFile, workbook: Workbook, account: LineAccount) -> None:
        self.format = source.format
        self.from_1904 = workbook.from_1904
        self._account = account
        self._rows = _sheet_rows(workbook, source)
        self._width = len(self.format.columns)
        self.columns = numbered(self.format.columns) if self._width else self._header(source)
        self._merged = MergedCells(merged_ranges(workbook, source.path, _index_of), len(self.columns))
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
            self._merged.mark(line, cells)
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
        refuse_ole(source.path)
        message = f"{source.path} is not an XLSX file: {error}"
        raise UsageError("file_malformed", message, path=str(source.path)) from None
    with archive:
        yield XlsxRows(source, open_workbook(archive, source.path, source.format.sheet), account)


class _Inside:
    """What a cell has inside besides its value: texts of its own, and a formula."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.is_formula = False
        self._is_reading = False

    def clear(self) -> None:
        self.texts.clear()
        self.is_formula = self._is_reading = False

    def add(self, event: str, name: str, text: str) -> None:
        """Add an event; the reading of Japanese characters (rPh) is not part of a text."""
        if name == "rPh":
            self._is_reading = event == "start"
        elif name == "f":
            self.is_formula = True
        elif not self._is_reading:
            self.texts.append(text)


def _sheet_rows(workbook: Workbook, source: SourceFile) -> Iterator[SheetRow]:
    """The rows that the sheet has, in its order."""
    line, column = 0, -1
    cells: dict[int, str] = {}
    kind, style, raw, inside = "n", 0, None, _Inside()
    found = part_events(workbook.archive, source.path, workbook.sheet, SHEET_SIZE_BYTES_MAX, starts=_STARTS, ends=_ENDS)
    for event, name, attributes in found:
        if name == "c":
            if event == "start":
                column = _column(attributes.get("r"), column)
                kind, style, raw = attributes.get("t", "n"), number_of(attributes.get("s")), None
                inside.clear()
            elif text := _text(raw, kind, style, inside, workbook):
                cells[column] = text
        elif name == "v":
            raw = attributes["text"]
        elif name != "row":
            inside.add(event, name, attributes.get("text", ""))
        elif event == "end":
            yield line, cells
        else:
            line, column, cells = max(line + 1, number_of(attributes.get("r"))), -1, {}
            if line > ROWS_MAX:
                raise UsageError("file_too_large", f"{source.path} has more than {ROWS_MAX:,} rows")


def _text(raw: str | None, kind: str, style: int, inside: _Inside, workbook: Workbook) -> str:
    if kind == "inlineStr":
        return unescaped("".join(inside.texts))
    return cell_text(raw, kind, style, workbook, is_formula=inside.is_formula)


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
