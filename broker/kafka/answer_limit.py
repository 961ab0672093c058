"""Limits the size of one answer of a broker for all clients of the process.

An answer begins with its length, and the library waits for that many bytes whatever the number is: a hostile broker
could fill the memory with two gigabytes. Here a connection whose answer would be longer is closed, as if it had broken.
"""

import asyncio
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024  # a fetch asks for 4 MiB; one record may be larger, the metadata too


class BoundedReader:
    """A stream of which at most `ANSWER_BYTES_MAX` are read at once."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def readexactly(self, size: int) -> bytes:
        """The next `size` bytes. Raises ConnectionError if no answer has that size."""
        if not 0 <= size <= ANSWER_BYTES_MAX:
            raise ConnectionError(f"an answer of {size} bytes; the limit is {ANSWER_BYTES_MAX}")
        return await self._reader.readexactly(size)

    def __getattr__(self, name: str) -> Any:
        """Everything else as the stream has it."""
        return getattr(self._reader, name)


_read_answers = AIOKafkaConnection._read


async def _read_bounded(self_ref: Any) -> None:
    connection = self_ref()
    if connection is not None and connection._reader is not None:
        connection._reader = BoundedReader(connection._reader)
    del connection  # the library must be able to release it while it waits
    await _read_answers(self_ref)


def limit_answers() -> None:
    """Limit the answers of every connection that is opened from now on. A second call changes nothing."""
    AIOKafkaConnection._read = staticmethod(_read_bounded)
