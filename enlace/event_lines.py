"""Reads server-sent events (HTML Living Standard, 9.2.6) from the pieces of an answer. Pure.

Rules:
- A line ends with LF, CRLF or CR. A line that begins with a colon is a comment.
- A blank line ends an event. An event that the connection cuts off is dropped: it comes again after `Last-Event-ID`.
- An `id` without data moves the place in the stream and is no event.
"""

import re
from dataclasses import dataclass
from typing import Final

from enlace.errors import AnswerMalformed

EVENT_SIZE_BYTES_MAX: Final = 4_000_000  # a report that fits into a record is a quarter of that
RETRY_SECONDS_MAX: Final = 60.0  # a server cannot make a stream wait longer
RETRY_DIGITS_MAX: Final = 9
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """One event; `data` is None if it only moves the place in the stream."""

    id: str | None
    kind: str
    data: bytes | None


class EventLines:
    """Reads one answer."""

    def __init__(self) -> None:
        self.retry_seconds: float | None = None
        """The pause that the server wants before the next connection."""
        self._begun = b""
        self._is_first = True
        self._id: str | None = None
        self._kind = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """The events that end in `piece`. Raises AnswerMalformed about one that never ends."""
        text = self._begun + piece
        if self._is_first and len(text) >= len(_BYTE_ORDER_MARK):
            text, self._is_first = text.removeprefix(_BYTE_ORDER_MARK), False
        held = b"\r" if text.endswith(b"\r") else b""  # its LF may come with the next piece
        *lines, self._begun = _LINE_END.split(text.removesuffix(held))
        self._begun += held
        self._size += len(piece)
        events = [event for line in lines if (event := self._line(line)) is not None]
        if self._size > EVENT_SIZE_BYTES_MAX and not events:
            raise AnswerMalformed("answer_malformed", f"an event is longer than {EVENT_SIZE_BYTES_MAX:,} bytes")
        return events

    def _line(self, line: bytes) -> ServerEvent | None:
        if not line:
            return self._end_of_event()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._data.append(value)
            case b"event":
                self._kind = value.decode("utf-8", "replace")
            case b"id" if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
            case b"retry" if value.isdigit():
                self.retry_seconds = RETRY_SECONDS_MAX
                if len(value) <= RETRY_DIGITS_MAX:
                    self.retry_seconds = min(RETRY_SECONDS_MAX, int(value) / 1000)
            case b"":
                self._size = 0  # a comment says that the server lives
        return None

    def _end_of_event(self) -> ServerEvent | None:
        data = b"\n".join(self._data) if self._data else None
        event = ServerEvent(id=self._id, kind=self._kind or "message", data=data)
        is_empty = data is None and self._id is None
        self._id, self._kind, self._data, self._size = None, "", [], 0
        return None if is_empty else event
