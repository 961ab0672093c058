"""Opens a file to import and reads its rows: CSV, JSON, NDJSON, XLSX.

It does not know what the columns mean (node/mapping). A row that cannot be read has an error, and reading continues
with the next row. A file of another format raises `UsageError`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from node.files import check_regular
from node.rows.csv_rows import BeginsRow, CsvRows
from node.rows.json_rows import JsonRows, NdjsonRows
from node.rows.row import LineAccount, Row, RowFormat
from node.rows.source_file import SourceFile
from node.rows.text_encoding import opened_text
from node.rows.xlsx_rows import XlsxRows, opened_xlsx
from schemas.types import MappingFormat


class Rows(Protocol):
    """The rows of an open file, and what is known before the first row."""

    @property
    def format(self) -> RowFormat:
        """The format as the file has it: a line `sep=;` sets the delimiter."""

    @property
    def columns(self) -> Sequence[str] | None:
        """The columns of the header; None in JSON, where each object has its own."""

    def __iter__(self) -> Iterator[Row]:
        """The rows in their order."""


_READERS: dict[MappingFormat, Callable[[TextIO, RowFormat, Path, LineAccount], Rows]] = {
    MappingFormat.csv: CsvRows,
    MappingFormat.json: JsonRows,
    MappingFormat.ndjson: NdjsonRows,
}


@contextmanager
def opened_rows(source: SourceFile, account: LineAccount | None = None) -> Iterator[Rows]:
    """The rows of a file; `account` counts the lines that were read. Raises `UsageError`."""
    check_regular(source.path)  # it is read more than once
    account = account or LineAccount()
    if source.format.format is MappingFormat.xlsx:
        with opened_xlsx(source, account) as rows:
            yield rows
        return
    with opened_text(source.path, source.format.encoding) as file:
        yield _READERS[source.format.format](file, source.format, source.path, account)


def counts_from_1904(rows: Rows) -> bool:
    """Whether the file is a workbook whose numbers of days count from 1904."""
    return isinstance(rows, XlsxRows) and rows.from_1904


def set_row_test(rows: Rows, begins_row: BeginsRow) -> None:
    """Set how a line is known to begin a row of a CSV file, so that a stray quote does not swallow rows."""
    if isinstance(rows, CsvRows):
        rows.begins_row = begins_row
