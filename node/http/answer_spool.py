"""Keeps the lines of an answer between the reading of a request and the sending of its answer.

A batch is answered while it is read. Many clients send the whole request before they read the answer: then the answers
wait here, and the reading does not stop. They are in memory up to MEMORY_BYTES_MAX, in a file without a name beyond it,
and SPOOL_SIZE_BYTES_MAX at most.
"""

import asyncio
from tempfile import SpooledTemporaryFile
from typing import Final

from node.http.http_error import HttpError

MEMORY_BYTES_MAX: Final = 1_000_000
SPOOL_SIZE_BYTES_MAX: Final = 256_000_000  # answers to half a million reports
CHUNK_SIZE_BYTES_MAX: Final = 65_536  # that is sent at once


class AnswerSpool:
    """One writer and one reader, in one loop."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(MEMORY_BYTES_MAX)  # noqa: SIM115 - `close` ends it
        self._read = 0
        self._written = 0
        self._changed = asyncio.Event()
        self._ended = False

    def put(self, data: bytes) -> None:
        """Add bytes. Raises HttpError `answers_unread` if too many wait to be sent."""
        if self._written - self._read + len(data) > SPOOL_SIZE_BYTES_MAX:
            message = f"{SPOOL_SIZE_BYTES_MAX:,} bytes of answers were not read"
            raise HttpError(413, "answers_unread", message, hint="read the answers while you send, or divide the batch")
        if self._read == self._written:
            self._file.seek(0)
            self._file.truncate()
            self._read = self._written = 0
        self._file.seek(self._written)
        self._file.write(data)
        self._written += len(data)
        self._changed.set()

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._changed.set()

    async def get(self) -> bytes:
        """The next bytes, when there are some; empty at the end."""
        while self._read == self._written and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        self._file.seek(self._read)
        data = self._file.read(min(CHUNK_SIZE_BYTES_MAX, self._written - self._read))
        self._read += len(data)
        return data

    def close(self) -> None:
        """Forget what was not read."""
        self._file.close()
