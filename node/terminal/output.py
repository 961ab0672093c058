"""What a command prints: JSON by the contract, or lines for a person. Nothing else writes to stdout.

The JSON form of a value is decided in node/answers/plain_json.py. What happens if stdout takes nothing is decided in
node/standard_streams.py.
"""

import sys
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from node.answers.error_answer import error_fields
from node.answers.plain_json import presentable
from node.errors import EnlaceError, Unavailable
from node.standard_streams import ReaderGone

NOTHING: Final = "nothing found"
COLUMN_WIDTH_MAX: Final = 48  # a longer cell pushes the rest of its own line only


class Output:
    """The stdout of one command."""

    def __init__(self, *, json: bool) -> None:
        self.json = json

    def object(self, value: Any) -> None:
        """The one object that a command answers with."""
        plain = presentable(value)
        self._line(plain) if self.json else self._lines(plain, 0)

    def item(self, value: Any) -> None:
        """One of several objects."""
        plain = presentable(value)
        if self.json:
            self._line(plain)
            return
        self._lines(plain, 0)
        self._write("")

    def each(self, values: Sequence[Any]) -> int:
        """All of several objects, one below the other; says if there is none. Returns the exit code 0."""
        for value in values:
            self.item(value)
        if not values:
            self.nothing()
        return 0

    def items(self, values: Sequence[Any], *, none: str = NOTHING) -> None:
        """All of several objects: for a person a table, or the text `none`."""
        plain = [presentable(value) for value in values]
        if self.json:
            for item in plain:
                self._line(item)
            return
        for line in _table(plain):
            self._write(line)
        if not plain:
            self.nothing(none)

    def text(self, text: str) -> None:
        """Text for another program, as it is."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def nothing(self, text: str = NOTHING) -> None:
        """Write to stderr, for a person, that there is nothing to show."""
        if not self.json:
            sys.stderr.write(f"{text}\n")

    def error(self, error: EnlaceError) -> None:
        """An error, on stdout as JSON or on stderr for a person; as JSON on stderr if stdout takes nothing."""
        if self.json:
            answer = {"error": error_fields(error)}
            try:
                self._line(answer)
            except (ReaderGone, Unavailable):
                sys.stderr.write(msgspec.json.encode(answer).decode() + "\n")
            return
        where = f" ({_cell(error.path)})" if error.path else ""
        hint = f"\n  {_cell(error.hint)}" if error.hint else ""
        sys.stderr.write(f"enlace: {error.code}{where}: {_cell(error.message)}{hint}\n")

    def _line(self, plain: Any) -> None:
        self._write(msgspec.json.encode(plain).decode())

    def _lines(self, plain: dict[str, Any], depth: int) -> None:
        margin = "  " * depth
        width = max((len(str(name)) for name in plain), default=0)
        for name, value in plain.items():
            match value:
                case dict() if value:
                    self._write(f"{margin}{name}")
                    self._lines(value, depth + 1)
                case [dict(), *_]:
                    self._write(f"{margin}{name}")
                    for line in _table(value):
                        self._write(f"{margin}  {line}")
                case _:
                    self._write(f"{margin}{name!s:<{width}}  {_cell(value)}")

    def _write(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows under their names, in columns."""
    if not rows:
        return []
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [min(COLUMN_WIDTH_MAX, max(len(row[place]) for row in cells)) for place in range(len(names))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _cell(value: Any) -> str:
    """A value on one line; control characters are escaped, so that data cannot move the cursor or forge a line."""
    match value:
        case None | [] | "":
            return "-"
        case list():
            return " ".join(_cell(item) for item in value)
        case dict():
            return ", ".join(f"{name} {_cell(item)}" for name, item in value.items()) or "-"
        case bool():
            return "yes" if value else "no"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
