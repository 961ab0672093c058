"""Standard input, output and error of a process that can lose them.

A process may be started without one of them. Its reader may end or stop reading, or its disk may be full. Rules:

- A closed descriptor 0, 1 or 2 is opened on /dev/null. Otherwise the next file, such as the store, gets its number.
- `LogStream` never raises and never waits long: text that cannot be written is dropped, and its lines are counted.
- `AnswerStream` raises `ReaderGone` if its reader has closed it, and Unavailable (`answer_unwritable`) for every other
  reason. It has no buffer, so nothing is left to write when the process ends.
"""

import io
import os
import select
import sys
from typing import Final

from node.errors import Unavailable

STDIN, STDOUT, STDERR = 0, 1, 2
PIPE_CHUNK_BYTES: Final = 4096  # PIPE_BUF: a pipe that is writable takes so much without blocking
LOG_WAIT_MS_MAX: Final = 1000  # a reader that is slower loses lines of the log; the node does not wait for it


class ReaderGone(Exception):
    """The reader of stdout has closed it."""


def open_missing_descriptors() -> frozenset[int]:
    """Open each closed descriptor of 0, 1 and 2 on /dev/null; returns their numbers."""
    missing = set()
    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest free number
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            missing.add(number)
    return frozenset(missing)


def protect_standard_streams() -> None:
    """Replace sys.stdout and sys.stderr of this process by streams that keep the rules of this module.

    sys.stdin stays None if the process has no standard input.
    """
    missing = open_missing_descriptors()
    sys.stdout = AnswerStream(None if STDOUT in missing else STDOUT)
    sys.stderr = LogStream(None if STDERR in missing else STDERR)


class _TextStream(io.TextIOBase):
    """Text as UTF-8 on a descriptor, without a buffer; `descriptor` is None if there is nothing to write to."""

    def __init__(self, descriptor: int | None) -> None:
        super().__init__()
        self._descriptor = descriptor

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the base has an attribute
        """The encoding of the bytes."""
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """What happens to a character that has no encoding."""
        return "backslashreplace"

    def writable(self) -> bool:
        """Whether text can be written: always, for the caller."""
        return True

    def fileno(self) -> int:
        """The descriptor; OSError without one."""
        if self._descriptor is None:
            raise OSError("the process was started without this stream")
        return self._descriptor

    def isatty(self) -> bool:
        """Whether a terminal shows the text."""
        return self._descriptor is not None and os.isatty(self._descriptor)

    def _bytes(self, text: str) -> bytes:
        return text.encode(self.encoding, self.errors)


class AnswerStream(_TextStream):
    """The answer of a command. Waits for a slow reader."""

    def write(self, text: str) -> int:
        """Write all of `text`; raises ReaderGone and Unavailable."""
        data = memoryview(self._bytes(text))
        try:
            while data:
                data = data[self._some(data) :]
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise Unavailable(
                "answer_unwritable",
                f"the answer cannot be written: {reason}",
                path="stdout",
                hint="what was done before stays done; call again with an output that can be written",
            ) from None
        return len(text)

    def without_waiting(self) -> "LogStream":
        """A stream to the same place that drops what its reader does not take."""
        return LogStream(self._descriptor)

    def _some(self, data: memoryview) -> int:
        descriptor = self.fileno()
        try:
            return os.write(descriptor, data)
        except BlockingIOError:  # somebody made the descriptor non-blocking
            select.select([], [descriptor], [])
            return 0


class LogStream(_TextStream):
    """The log of a process: what cannot be written is dropped."""

    def __init__(self, descriptor: int | None) -> None:
        super().__init__(descriptor)
        self._lost = 0
        self.is_losing = False
        """The last text could not be written."""
        self._torn = False
        """The last line in the output has no end."""

    def write(self, text: str) -> int:
        """Write `text`, or drop the rest of it and count its lines."""
        data = self._bytes(text)
        if self._torn and data:
            data = b"\n" + data
        while data:
            written = self._some(data[:PIPE_CHUNK_BYTES])
            if not written:
                self._lost += data.count(b"\n")
                self.is_losing = True
                return len(text)
            self._torn = not data[:written].endswith(b"\n")
            data = data[written:]
        self.is_losing = False
        return len(text)

    def take_lost(self) -> int:
        """How many lines were dropped since the last call; 0 as long as nothing can be written."""
        lost = 0 if self.is_losing else self._lost
        self._lost -= lost
        return lost

    def _some(self, data: bytes) -> int:
        """Write at least one byte without blocking; 0 if that is not possible soon."""
        try:
            waiting = select.poll()
            waiting.register(self.fileno(), select.POLLOUT)
            ready = waiting.poll(0 if self.is_losing else LOG_WAIT_MS_MAX)
            return os.write(self.fileno(), data) if ready else 0
        except OSError:
            return 0
