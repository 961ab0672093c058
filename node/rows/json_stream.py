"""Reads a JSON text piece by piece: values one after the other, with the lines where they are. Bounded in memory."""

import re
from typing import Any, Final, TextIO

from node.rows.row import LineAccount
from schemas.json_form.strict_json import NUMBER_TEXTS, JsonError, decode_at

CHUNK_LENGTH: Final = 65_536
VALUE_LENGTH_MAX: Final = 4_000_000  # characters of one value; a row is less than a quarter of that
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_AFTER_BRACKET: Final = re.compile(r"\n[ ,]?(?=\{)")  # the first element is on the line of the bracket
_BEGINNING_LENGTH_MAX: Final = 256  # characters before an element on its line


class JsonStream:
    """A JSON text of which a window is in memory."""

    def __init__(self, file: TextIO, account: LineAccount) -> None:
        self._file = file
        self._account = account
        self._text = ""
        self._place = 0
        self._ended = False
        self._open_line = False
        self._line = 1
        self._fill()
        self._text = self._text.removeprefix("\ufeff")

    @property
    def line(self) -> int:
        """The line of the next character, from 1."""
        return self._line

    def peek(self) -> str:
        """The next character that is not blank; empty at the end of the text."""
        while True:
            end = _SPACE.match(self._text, self._place).end()  # type: ignore[union-attr]
            self._move(end)
            if end < len(self._text):
                return self._text[end]
            if not self._fill():
                return ""

    def skip(self) -> None:
        """Move past the character that `peek` returned."""
        self._move(self._place + 1)

    def next_begins(self) -> re.Pattern[str] | None:
        """How a later element of the array begins if it is written like the next one; None if all are on one line."""
        line = self._text.rfind("\n", 0, self._place)
        before = self._text[max(0, line) : self._place]
        if line >= 0 and not before.strip(" \t\r\n,"):
            return re.compile(re.escape(before) + r"(?=\{)")
        return _AFTER_BRACKET if not before.strip(" \t\r\n,[") else None

    def value(self) -> tuple[Any, bool]:
        """The next value, and whether all its bytes were valid.

        Raises JsonError, and moves past the value if the error knows its end.
        """
        while True:
            try:
                value, end = decode_at(self._text, self._place, NUMBER_TEXTS)
            except JsonError as error:
                if error.cut and len(self._text) - self._place < VALUE_LENGTH_MAX and self._fill():
                    continue
                if error.cut and not self._ended:
                    raise JsonError("too_large", f"is longer than {VALUE_LENGTH_MAX:,} characters") from None
                if error.end is not None:
                    self._move(error.end)
                raise
            if end == len(self._text) and self._text[end - 1] not in '}]"' and self._fill():
                continue  # a number may go on
            piece = self._text[self._place : end]
            self._move(end)
            return value, piece.isascii() or not any("\ud800" <= character <= "\udfff" for character in piece)

    def resume(self, beginning: re.Pattern[str] | None) -> bool:
        """Move on to where a later element begins. False: there is none, and the text is read to its end."""
        start = self._place + 1
        while True:
            if beginning is not None and (found := beginning.search(self._text, start)):
                self._move(found.end())
                return True
            self._move(max(self._place, len(self._text) - _BEGINNING_LENGTH_MAX))
            start = self._place
            if not self._fill():
                self._move(len(self._text))
                return False
            start = self._place

    def _move(self, place: int) -> None:
        if place > self._place:
            self._line += self._text.count("\n", self._place, place)
            self._place = place

    def _fill(self) -> bool:
        """Read more; False at the end of the file."""
        keep = max(0, self._text.rfind("\n", 0, self._place))
        if keep and self._place - keep < CHUNK_LENGTH:
            self._text, self._place = self._text[keep:], self._place - keep
        elif self._place > CHUNK_LENGTH:
            self._text, self._place = self._text[self._place :], 0
        more = "" if self._ended else self._file.read(max(CHUNK_LENGTH, len(self._text)))
        self._text += more
        self._account.total += more.count("\n")
        if more:
            self._open_line = not more.endswith("\n")
        elif not self._ended:
            self._account.total += self._open_line
        self._ended = not more
        return bool(more)
