"""Cells of a sheet that are merged with others. Only the first cell of a merged range has a value.

The others look to a reader as if they had it too, and are empty in the file. Neither is taken for granted: each is an
UnreadableCell, which refuses the rows that read it. A row whose cells are all merged with those of rows above is empty.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.errors import UsageError
from node.rows.unreadable_cell import UnreadableCell
from node.rows.xlsx_package import SHEET_SIZE_BYTES_MAX, UNREADABLE, Workbook, part_events

RANGES_MAX: Final = 10_000
_RANGE: Final = re.compile(r"\$?([A-Z]{1,3})\$?([1-9][0-9]{0,6}):\$?([A-Z]{1,3})\$?([1-9][0-9]{0,6})")
_MARKS: Final = (b"mergeCell", "mergeCell".encode("utf-16-le"), "mergeCell".encode("utf-16-be"))
_PIECE_SIZE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A merged range: its rows and the indexes of its columns, first and last."""

    first_row: int
    last_row: int
    first_column: int
    last_column: int


def merged_ranges(workbook: Workbook, path: Path, index_of: Callable[[str], int | None]) -> list[Merged]:
    """The merged ranges of the sheet, by their first row. They stand behind the rows, so the sheet is read twice if it
    has any. Raises UsageError.
    """
    if not _has_mark(workbook):
        return []
    found: list[Merged] = []
    starts, ends = frozenset({"mergeCell"}), frozenset[str]()
    for _, _, attributes in part_events(
        workbook.archive, path, workbook.sheet, SHEET_SIZE_BYTES_MAX, starts=starts, ends=ends
    ):
        match = _RANGE.fullmatch(attributes.get("ref", ""))
        left, right = (index_of(match[1]), index_of(match[3])) if match else (None, None)
        if match is None or left is None or right is None:
            continue
        if len(found) == RANGES_MAX:
            message = f"{path}: the sheet has more than {RANGES_MAX:,} merged ranges"
            raise UsageError("file_malformed", message, path=str(path), hint="unmerge its cells, or export it as CSV")
        found.append(
            Merged(
                first_row=int(match[2]),
                last_row=int(match[4]),
                first_column=left,
                last_column=right,
            )
        )
    return sorted(found, key=lambda merged: merged.first_row)


def _has_mark(workbook: Workbook) -> bool:
    """Whether the part may have merged cells: a quick look at its bytes. What is damaged is found when it is read."""
    before = b""
    try:
        if workbook.archive.getinfo(workbook.sheet).file_size > SHEET_SIZE_BYTES_MAX:
            return False
        with workbook.archive.open(workbook.sheet) as file:
            while piece := file.read(_PIECE_SIZE_BYTES):
                if any(mark in before + piece for mark in _MARKS):
                    return True
                before = piece[-2 * len("mergeCell") :]
    except (KeyError, *UNREADABLE):
        pass
    return False


class MergedCells:
    """Marks the cells of rows that come in their order."""

    def __init__(self, ranges: list[Merged], width: int) -> None:
        """`width` is the number of columns that are read."""
        self._coming = iter(ranges)
        self._next = next(self._coming, None)
        self._width = width
        self._open: list[Merged] = []
        self._columns: Counter[int] = Counter()

    def mark(self, line: int, cells: dict[int, str]) -> None:
        """Replace the cells of this row that are merged with others before them."""
        while self._next is not None and self._next.first_row <= line:
            self._open.append(self._next)
            self._columns.update(self._of(self._next))
            self._next = next(self._coming, None)
        if not self._open:
            return
        for merged in [merged for merged in self._open if merged.last_row < line]:
            self._open.remove(merged)
            self._columns.subtract(self._of(merged))
        own = {merged.first_column for merged in self._open if merged.first_row == line}
        for column, ranges in self._columns.items():
            if ranges > 0 and column not in own:
                cells[column] = UnreadableCell.of("is merged with other cells: unmerge them, and give each its value")

    def _of(self, merged: Merged) -> Iterator[int]:
        return iter(range(merged.first_column, min(merged.last_column + 1, self._width)))
