"""Reads the beginning of a CSV file: lines before the header, `sep=;`, and the names of the columns.

Rules:
- The first line `sep=X`, which spreadsheets write, sets the delimiter.
- Columns without a name, or with a name that occurs twice, do no harm while the mapping does not read them. A name that
  occurs twice gets a number, `note (1)` and `note (2)`, so that a mapping can name each.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from node.errors import UsageError
from node.rows.lines import Lines, without_end
from node.rows.row import RowFormat
from node.rows.text_encoding import is_clean, wrong_encoding

_SEPARATOR: Final = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)


def read_header(lines: Lines, row_format: RowFormat, path: Path) -> tuple[RowFormat, tuple[str, ...]]:
    """The format with the delimiter that holds, and the names of the columns. Raises UsageError."""
    for _ in range(row_format.skip_lines):
        if lines.take() is None:
            message = f"{path} has fewer lines than the {row_format.skip_lines} that skip_lines names"
            raise UsageError("file_malformed", message, path="skip_lines")
    first = lines.take()
    if first is not None and (found := _SEPARATOR.fullmatch(without_end(first).removeprefix("\ufeff"))):
        row_format = replace(row_format, delimiter=found[1])
        first = lines.take()
    if first is not None:
        lines.give_back([first.removeprefix("\ufeff")])
    if row_format.columns:
        lines.account.header = lines.number
        return row_format, numbered(row_format.columns)
    names = _names(lines, row_format, path)
    lines.account.header = lines.number
    return row_format, numbered(names)


def numbered(names: Sequence[str]) -> tuple[str, ...]:
    """The names; one that occurs more than once gets the number of its occurrence."""
    total, seen = Counter(names), Counter[str]()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name} ({seen[name]})" if total[name] > 1 else name)
    return tuple(found)


def csv_cells(lines: Iterable[str], row_format: RowFormat, *, strict: bool) -> Iterator[list[str]]:
    """The cells of the rows that begin with the first line. Raises csv.Error."""
    return csv.reader(
        lines,
        strict=strict,
        delimiter=row_format.delimiter,
        quotechar=row_format.quote or None,
        escapechar=row_format.escape,
        quoting=csv.QUOTE_MINIMAL if row_format.quote else csv.QUOTE_NONE,
    )


def _names(lines: Lines, row_format: RowFormat, path: Path) -> list[str]:
    while (line := lines.take()) is not None and not line.strip():
        pass
    if line is None:
        message = f"{path} has no header: its first line must name the columns, unless the mapping has `columns`"
        raise UsageError("file_malformed", message, path=str(path))

    def rest() -> Iterator[str]:
        yield line
        while (more := lines.take()) is not None:
            yield more

    try:
        names = next(csv_cells(rest(), row_format, strict=True))
    except csv.Error as error:
        raise UsageError("file_malformed", f"{path}: the header is malformed: {error}", path=str(path)) from None
    text = "".join(names)
    if not is_clean(text) or "\0" in text:
        raise wrong_encoding(path, row_format.encoding, "the header")
    return names
