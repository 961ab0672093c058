"""The account of a dropped file: one line for each item, as `publish` answers it.

It is written beside the file in `working` while the file is handed in. After a crash the file is handed in again from
its beginning: its reports are known by their ids. The lines that the account has already stay as they are, so it says
`accepted` of what was accepted the first time. A last line that was cut is written again.

The lines of refused items have a limit: a large file in which every row is refused would fill the disk with its
account. Beyond the limit, refused items that follow each other share a line, which has their number as `items`.
"""

import os
import stat
from pathlib import Path
from typing import Any, Final

import msgspec

from node.answers.plain_json import presentable
from node.commands.publish import refused_item
from node.drop_folder.kept_outcomes import REFUSED, KeptOutcomes, whole_lines
from node.files import FILE_MODE
from schemas.field_errors import FieldError

REFUSED_SIZE_BYTES_MAX: Final = 64 * 1024 * 1024


class Account:
    """The account of one file while it is written."""

    def __init__(self, path: Path) -> None:
        """`path` may have the lines of an earlier attempt. Raises OSError."""
        self._kept = KeptOutcomes(path)
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        os.fchmod(self._file, FILE_MODE | path.parent.stat().st_mode & stat.S_IRGRP)
        os.ftruncate(self._file, self._kept.size)
        os.lseek(self._file, 0, os.SEEK_END)
        self._refused_size = self._kept.refused_size
        self._shared: tuple[int, int, int] | None = None  # first line, last line and number of items without a line
        self._items = 0
        self._buffer = b""
        self.counts = {"accepted": 0, "duplicate": 0, REFUSED: 0}

    def add(self, line: dict[str, Any]) -> None:
        """Add the line of the next item, unless an earlier attempt wrote it."""
        outcome = self._kept.take()
        if outcome is None:
            outcome = line["outcome"]
            if outcome == REFUSED and self._refused_size >= REFUSED_SIZE_BYTES_MAX:
                first, _, items = self._shared or (line["line"], 0, 0)
                self._shared = first, line.get("last_line", line["line"]), items + 1
            else:
                self._end_shared()
                self._append(line)
        self._items += 1
        self.counts[outcome] = self.counts.get(outcome, 0) + 1

    @property
    def items(self) -> int:
        """How many items it has."""
        return self._items

    def flush(self) -> None:
        """Write the lines so far. Raises OSError."""
        while self._buffer:
            written = os.write(self._file, self._buffer)
            self._buffer = self._buffer[written:]

    def finish(self) -> None:
        """Write everything durably. Raises OSError."""
        self._end_shared()
        self.flush()
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _append(self, line: dict[str, Any]) -> None:
        encoded = msgspec.json.encode(line) + b"\n"
        if line["outcome"] == REFUSED:
            self._refused_size += len(encoded)
        self._buffer += encoded

    def _end_shared(self) -> None:
        if self._shared is not None:
            first, last, items = self._shared
            self._shared = None
            self._append(_shared_line(first, last, items))


def _shared_line(first: int, last: int, items: int) -> dict[str, Any]:
    message = f"{items:,} refused items in the lines {first:,} to {last:,} have no lines of their own"
    answer = refused_item(first, [FieldError(path="", code="refusals_not_listed", message=message)])
    return {**presentable(answer), "last_line": last, "items": items}


def has_refusal(path: Path) -> bool:
    """Whether an account has a refused item. Raises OSError."""
    return any(line.outcome == REFUSED for _, line in whole_lines(path))
