"""The outcomes that an account has from an earlier attempt, item by item."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

REFUSED: Final = "refused"


class _Line(msgspec.Struct):
    """What is needed of a line."""

    outcome: str
    items: int = 1


class KeptOutcomes:
    """Gives the outcomes in their order. Equal outcomes that follow each other take the memory of one."""

    def __init__(self, path: Path) -> None:
        """`path` need not exist. Raises OSError."""
        self.size = 0
        """Bytes of the whole lines."""

        self.refused_size = 0
        """Bytes of those of refused items."""

        self._runs: list[tuple[str, int]] = []
        for length, line in whole_lines(path) if path.exists() else ():
            self.size += length
            self.refused_size += length if line.outcome == REFUSED else 0
            if self._runs and self._runs[-1][0] == line.outcome:
                self._runs[-1] = line.outcome, self._runs[-1][1] + line.items
            else:
                self._runs.append((sys.intern(line.outcome), line.items))
        self._outcomes = (outcome for outcome, items in self._runs for _ in range(items))

    def take(self) -> str | None:
        """The outcome of the next item; None if the account does not have it."""
        return next(self._outcomes, None)


def whole_lines(path: Path) -> Iterator[tuple[int, _Line]]:
    """Size in bytes and content of each line up to the first one that is cut. An account may be larger than memory.

    Raises OSError.
    """
    with path.open("rb") as file:
        for line in file:
            try:
                found = msgspec.json.decode(line, type=_Line)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                return
            if not line.endswith(b"\n"):
                return
            yield len(line), found
