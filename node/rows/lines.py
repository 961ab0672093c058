"""Reads a text file line by line, with line numbers and with lines that can be given back. Bounded in memory."""

from collections import deque
from collections.abc import Sequence
from typing import Final, TextIO

from node.rows.row import LineAccount

LINE_LENGTH_MAX: Final = 2_000_000  # characters; a line of more is cut, and its row is refused


class Lines:
    """The lines of a file, each with its line end."""

    def __init__(self, file: TextIO, account: LineAccount) -> None:
        self._read = file.readline
        self._returned: deque[str] = deque()
        self.account = account

    @property
    def number(self) -> int:
        """The number of the line that was taken last, from 1."""
        return self.account.total

    def take(self) -> str | None:
        """The next line; None at the end of the file."""
        line = self._returned.popleft() if self._returned else self._next()
        if not line:
            return None
        self.account.total += 1
        return line

    def give_back(self, lines: Sequence[str]) -> None:
        """Let the last lines be taken again."""
        self._returned.extendleft(reversed(lines))
        self.account.total -= len(lines)

    def _next(self) -> str:
        line = self._read(LINE_LENGTH_MAX)
        if len(line) == LINE_LENGTH_MAX and not line.endswith(("\n", "\r")):
            while (rest := self._read(LINE_LENGTH_MAX)) and not rest.endswith(("\n", "\r")):
                pass  # the row is refused because it is too long; what is behind is read
        return line


def without_end(line: str) -> str:
    """The line without its line end."""
    if line.endswith("\r\n"):
        return line[:-2]
    return line[:-1] if line.endswith(("\n", "\r")) else line
