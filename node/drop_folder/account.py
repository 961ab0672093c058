"""The account of a dropped file: one line for each item, as `publish` answers it.

It is written beside the file in `working` while the file is handed in. After a crash the file is handed in again from
its beginning: its reports are known by their ids. The lines that the account has already stay as they are, so it says
`accepted` of what was accepted the first time. A last line that was cut is written again.
"""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from node.files import FILE_MODE

REFUSED: Final = "refused"


class Account:
    """The account of one file while it is written."""

    def __init__(self, path: Path) -> None:
        """`path` may have the lines of an earlier attempt. Raises OSError."""
        size, self._kept = _kept(path)
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        os.fchmod(self._file, FILE_MODE | path.parent.stat().st_mode & stat.S_IRGRP)
        os.ftruncate(self._file, size)
        os.lseek(self._file, 0, os.SEEK_END)
        self._index = 0
        self._buffer = b""
        self.counts = {"accepted": 0, "duplicate": 0, REFUSED: 0}

    def add(self, line: dict[str, Any]) -> None:
        """Add the line of the next item, unless an earlier attempt wrote it."""
        if self._index < len(self._kept):
            outcome = self._kept[self._index]
        else:
            outcome = line["outcome"]
            self._buffer += msgspec.json.encode(line) + b"\n"
        self._index += 1
        self.counts[outcome] = self.counts.get(outcome, 0) + 1

    @property
    def items(self) -> int:
        """How many items it has."""
        return self._index

    def flush(self) -> None:
        """Write the lines so far. Raises OSError."""
        while self._buffer:
            written = os.write(self._file, self._buffer)
            self._buffer = self._buffer[written:]

    def finish(self) -> None:
        """Write everything durably. Raises OSError."""
        self.flush()
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class _Line(msgspec.Struct):
    """What is needed of a line."""

    outcome: str


def _whole_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Size in bytes and outcome of each line up to the first one that is cut. An account may be larger than memory."""
    with path.open("rb") as file:
        for line in file:
            try:
                found = msgspec.json.decode(line, type=_Line)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                return
            if not line.endswith(b"\n"):
                return
            yield len(line), found.outcome


def _kept(path: Path) -> tuple[int, list[str]]:
    """The size of the whole lines, and their outcomes."""
    size, outcomes = 0, list[str]()
    try:
        for length, outcome in _whole_lines(path):
            size += length
            outcomes.append(sys.intern(outcome))
    except FileNotFoundError:
        pass
    return size, outcomes


def has_refusal(path: Path) -> bool:
    """Whether an account has a refused item. Raises OSError."""
    return any(outcome == REFUSED for _, outcome in _whole_lines(path))
