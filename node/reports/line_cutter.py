"""Cuts a stream of bytes into the lines of NDJSON as they come. A line that is too long is one refused item.

Pure: bytes come from the caller, in pieces of any size. Rules:

- A line ends with LF, CRLF or CR, as in a file (node/reports/ndjson.py). Blank lines count and are skipped.
- A line has at most ITEM_SIZE_BYTES_MAX bytes. The rest of a longer one is dropped as it comes, so that a source
  without line ends does not fill the memory.
- A line is an item only when its end has come. So a connection that breaks leaves no half report.
"""

import re
from collections.abc import Iterator
from typing import Final

from node.reports.ndjson import BYTE_ORDER_MARK, ITEM_SIZE_BYTES_MAX, TOO_LARGE, Item, parse_object

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")


class LineCutter:
    """Keeps the beginning of the last line until its end comes."""

    def __init__(self) -> None:
        self.number = 0
        """How many lines have ended."""

        self._begun: list[bytes] = []
        self._size = 0
        self._after_cr = False

    def feed(self, piece: bytes) -> Iterator[Item]:
        """The items of the lines that end in `piece`, which has at least one byte."""
        if self._after_cr:
            piece = piece.removeprefix(b"\n")
        self._after_cr = piece.endswith(b"\r")
        *ended, rest = _LINE_END.split(piece) if b"\n" in piece or b"\r" in piece else [piece]  # quick without an end
        for part in ended:
            self._keep(part)
            yield from self._line()
        self._keep(rest)

    def end(self) -> Iterator[Item]:
        """The item of a last line without an end."""
        if self._size:
            yield from self._line()

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > ITEM_SIZE_BYTES_MAX:
            self._begun = []
        elif part:
            self._begun.append(part)

    def _line(self) -> Iterator[Item]:
        line, size = b"".join(self._begun), self._size
        self._begun, self._size = [], 0
        self.number += 1
        if size > ITEM_SIZE_BYTES_MAX:
            yield self.number, TOO_LARGE
            return
        if self.number == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        if line.strip():
            yield self.number, parse_object(line)
