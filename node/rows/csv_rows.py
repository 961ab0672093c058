"""Reads the rows of a CSV file. One bad row costs one row, and each line of the file belongs to one row.

Rules:
- A cell in quotes may span lines. If its row is malformed, the row is refused with its first line, and reading resumes
  at the next line that fits the header; lines between belong to the refused row.
- A cell in quotes that contains what looks like a row of the file is refused in the same way: its opening quote was not
  meant. A line looks like a row if it has as many cells as the header and `begins_row` accepts them, or if it has
  MANY_COLUMNS cells or more.
- A row may have more cells than the header only if these are empty. It may not have fewer.
- Blank lines, also those of blanks only, are skipped and counted.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from node.rows.csv_header import csv_cells, read_header
from node.rows.lines import LINE_LENGTH_MAX, Lines, without_end
from node.rows.row import LineAccount, Row, RowFormat
from node.rows.text_encoding import is_clean
from schemas.field_errors import FieldError

FIELD_LENGTH_MAX: Final = 1_000_000  # characters of one column; a report holds a quarter of that
ROW_LINES_MAX: Final = 10_000
MANY_COLUMNS: Final = 6  # prose on one line seldom has five commas, no more and no fewer

BeginsRow = Callable[[Sequence[str]], bool]
"""Whether cells look like a row of the file; there are as many as columns."""


class _Swallowed(Exception):
    """A cell in quotes goes on where it should have ended."""


class CsvRows:
    """The rows of a CSV file, in order."""

    def __init__(self, file: TextIO, row_format: RowFormat, path: Path, account: LineAccount) -> None:
        csv.field_size_limit(FIELD_LENGTH_MAX)
        self._lines = Lines(file, account)
        self._account = account
        self.format, self.columns = read_header(self._lines, row_format, path)
        self.begins_row: BeginsRow = lambda _cells: True

    def __iter__(self) -> Iterator[Row]:
        """The rows after the header."""
        take, quote, escape, delimiter = self._lines.take, self.format.quote, self.format.escape, self.format.delimiter
        number = 0
        while (line := take()) is not None:
            start = self._lines.number
            bare = without_end(line)
            if not bare or (bare.isspace() and delimiter not in bare):
                self._account.blank += 1
                continue
            number += 1
            simple = (not quote or quote not in bare) and (escape is None or escape not in bare)
            cells = bare.split(delimiter) if simple and len(bare) <= FIELD_LENGTH_MAX else self._record(line)
            if isinstance(cells, FieldError):
                yield Row(number, start, self._lines.number, {}, True, cells)
            elif error := self._misfit(cells):
                yield Row(number, start, self._lines.number, {}, True, error)
            else:
                clean = (simple and bare.isascii()) or all(map(is_clean, cells))
                yield Row(number, start, self._lines.number, dict(zip(self.columns, cells, strict=False)), clean)

    def _misfit(self, cells: Sequence[str]) -> FieldError | None:
        expected = len(self.columns)
        if len(cells) == expected or (len(cells) > expected and not any(map(str.strip, cells[expected:]))):
            return None
        return _malformed(f"has {len(cells)} columns, and the header has {expected}")

    def _record(self, line: str) -> list[str] | FieldError:
        """The cells of a row that begins with `line` and may span lines, or why there are none."""
        taken: list[str] = []
        try:
            return next(csv_cells(self._continued(line, taken), self.format, strict=True))
        except _Swallowed as reason:
            error = _malformed(str(reason))
        except csv.Error as reason:
            what = "a quote is not closed" if "unexpected end" in str(reason) else str(reason)
            error = _malformed(f"is not valid CSV: {what}")
        self._lines.give_back(taken)
        while (more := self._lines.take()) is not None:
            if self._fits(more):
                self._lines.give_back([more])
                break
        return error

    def _continued(self, line: str, taken: list[str]) -> Iterator[str]:
        length = len(line)
        if length >= LINE_LENGTH_MAX:
            raise _Swallowed(f"has a line of more than {LINE_LENGTH_MAX:,} characters")
        yield line
        while (more := self._lines.take()) is not None:
            taken.append(more)
            length += len(more)
            if length > LINE_LENGTH_MAX or len(taken) > ROW_LINES_MAX:
                raise _Swallowed(f"has a quote that is not closed within {ROW_LINES_MAX:,} lines")
            if self._looks_like_row(more):
                number = self._lines.number
                raise _Swallowed(f"has a quote that is not closed: line {number} looks like the next row")
            yield more

    def _looks_like_row(self, line: str) -> bool:
        expected = len(self.columns)
        if expected < 2:
            return False
        for cells in (without_end(line).split(self.format.delimiter), self._cells_of_line(line)):
            if len(cells) == expected and (expected >= MANY_COLUMNS or self.begins_row(cells)):
                return True
        return False

    def _fits(self, line: str) -> bool:
        """Whether a row can begin with this line."""
        return len(self._cells_of_line(line)) == len(self.columns) or self._looks_like_row(line)

    def _cells_of_line(self, line: str) -> list[str]:
        """The cells of one line, whose last cell may go on."""
        try:
            return next(csv_cells([line], self.format, strict=False), [])
        except csv.Error:
            return []


def _malformed(message: str) -> FieldError:
    return FieldError(path="", code="row_malformed", message=message)
