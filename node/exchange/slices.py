"""Gives the other tasks of a process their turn while one task computes for long.

A record is verified, opened and checked without an `await`. Between two records the event loop gets a turn as soon as
the slice is used up, so that sending, stopping and answering wait for one record at most.
"""

import asyncio
import time
from typing import Final

SLICE_SECONDS: Final = 0.02  # a hundred usual records; a turn costs microseconds
TURNS: Final = 3  # for a callback, for the task that it wakes, and for a task that this one wakes


class Slices:
    """The slices of one computation."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = time.monotonic() + SLICE_SECONDS

    @property
    def is_used_up(self) -> bool:
        """Whether the others should have a turn now."""
        return time.monotonic() >= self._until

    async def rest(self) -> None:
        """Let the others work, then begin the next slice."""
        for _ in range(TURNS):
            await asyncio.sleep(0)
        self._until = time.monotonic() + SLICE_SECONDS
