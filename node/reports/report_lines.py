"""Reads reports from a source that writes them little by little, such as a pipe: each line when its end comes.

Pure: bytes come from the caller, in pieces of any size. The items are those of node/reports/ndjson.py for the whole
input. Rules:

- If the first line is a JSON object, or can be no part of one, each line is an item as soon as it has ended.
- If it begins an object or a list, the input may be one JSON value on several lines. Then all is kept until the end, or
  until a line is an object and what came before it cannot go on with it.
- An input that begins an object and is longer than a report may be one that is too large. Then the errors of its lines
  are kept, not the lines: at the end they are one error. They are given after all when a line is an object, or when
  there are more than LINES_KEPT_MAX.
"""

from collections.abc import Iterator
from typing import Final

from node.reports.line_cutter import LineCutter
from node.reports.ndjson import BYTE_ORDER_MARK, ITEM_SIZE_BYTES_MAX, TOO_LARGE, Item, parse_lines, parse_object
from schemas.field_errors import FieldError
from schemas.json_form.strict_json import JsonError, decode

LINES_KEPT_MAX: Final = 100_000  # equal errors are one object, so that a line takes about 100 bytes
_SPACE: Final = b" " * 64  # an error in the last line is then not at the end, where the value may only be cut


class ReportLines:
    """Keeps the input until it is known to be lines; then only the line that has begun."""

    def __init__(self) -> None:
        self._cutter: LineCutter | None = None
        self._held = b""
        self._looked_to = 0
        self._has_object = False
        self._look_again_at = 0
        self._kept: list[Item] | None = None
        """The errors of lines that may be one report; None if each line is an item."""

        self._equal_errors: dict[FieldError, FieldError] = {}

    def feed(self, piece: bytes) -> Iterator[Item]:
        """The items that `piece` ends; it has at least one byte."""
        if self._cutter is None:
            self._held += piece
            if not self._is_lines():
                return
            piece, self._held = self._held, b""
            self._cutter = LineCutter()
            self._kept = [] if self._may_be_too_large(piece) else None
        yield from self._settled(self._cutter.feed(piece))

    def end(self) -> Iterator[Item]:
        """The items that are left."""
        if self._cutter is not None:
            yield from self._settled(self._cutter.end())
            if self._kept:
                yield self._kept[0][0], TOO_LARGE
            return
        held, self._held = self._held, b""
        yield from parse_lines(held)

    def _is_lines(self) -> bool:
        """Whether each line of the input is an item."""
        text = self._held.removeprefix(BYTE_ORDER_MARK)
        if len(text) > ITEM_SIZE_BYTES_MAX:
            return True
        first, end, _ = text.lstrip().partition(b"\n")
        if not end:
            return False
        if not first.startswith((b"{", b"[")):
            return True
        if first.startswith(b"{") and isinstance(parse_object(first), dict):
            return True
        return self._is_object_that_does_not_go_on()

    @staticmethod
    def _may_be_too_large(begin: bytes) -> bool:
        text = begin.removeprefix(BYTE_ORDER_MARK)
        return len(text) > ITEM_SIZE_BYTES_MAX and text.lstrip().startswith(b"{")

    def _settled(self, items: Iterator[Item]) -> Iterator[Item]:
        """The items, without those that are kept."""
        for number, item in items:
            if self._kept is None:
                yield number, item
                continue
            kept = self._equal_errors.setdefault(item, item) if isinstance(item, FieldError) else item
            self._kept.append((number, kept))
            if isinstance(item, dict) or len(self._kept) > LINES_KEPT_MAX:
                yield from self._kept
                self._kept, self._equal_errors = None, {}

    def _is_object_that_does_not_go_on(self) -> bool:
        """Whether a line is an object, and what came before it cannot be the beginning of a value that contains it."""
        last = self._held.rfind(b"\n")
        lines = self._held[self._looked_to : last].splitlines()
        self._looked_to = max(self._looked_to, last)
        self._has_object = self._has_object or any(
            line.lstrip().startswith(b"{") and isinstance(parse_object(line), dict) for line in lines
        )
        if not self._has_object or len(self._held) < self._look_again_at:
            return False
        self._look_again_at = 2 * len(self._held)
        try:
            decode(self._held[:last].removeprefix(BYTE_ORDER_MARK) + _SPACE)
        except JsonError as error:
            return not error.cut
        return False
