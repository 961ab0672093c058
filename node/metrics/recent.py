"""The newest answer to a question that costs something: asked once at a time, and kept for a moment.

However many callers ask, the question takes a limited share of the time. A caller that cannot wait gives up, and the
question goes on; the next caller gets its answer. An error is an answer too.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

AnswerT = TypeVar("AnswerT")

REST_FACTOR: Final = 20.0
"""An answer that took a second is kept for this many seconds: the question takes at most a twentieth of the time."""

FRESH_REST_FACTOR: Final = 2.0
"""Callers who want no answer from before make the question take at most a third of the time."""


class Recent(Generic[AnswerT]):
    """One question."""

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, AnswerT]], *, keep_seconds: float) -> None:
        """An answer is kept for `keep_seconds`, or longer if it took long."""
        self._ask = ask
        self._keep_seconds = keep_seconds
        self._asked: asyncio.Task[AnswerT] | None = None
        self._begun = 0.0
        self._ended = 0.0
        self._took = 0.0
        self._forgotten_at = 0.0

    async def get(self, seconds: float, *, fresh: bool = False) -> AnswerT:
        """The answer; with `fresh`, one whose question begins after this call.

        Raises TimeoutError after `seconds`, and what the question raises.
        """
        since = asyncio.get_running_loop().time() if fresh else self._forgotten_at
        async with asyncio.timeout(seconds):
            asked = await self._asked_since(since)
            await asyncio.wait((asked,))
        return asked.result()

    def forget(self) -> None:
        """What was asked before has changed: callers from now on get the answer to a question that begins later."""
        self._forgotten_at = asyncio.get_running_loop().time()

    async def _asked_since(self, since: float) -> "asyncio.Task[AnswerT]":
        """The question that runs, or whose answer is kept, if it began at `since` or later; else another one."""
        loop = asyncio.get_running_loop()
        while self._asked is not None and self._begun < since:
            if not self._asked.done():
                await asyncio.wait((self._asked,))
            elif (rest := self._ended + self._took * FRESH_REST_FACTOR - loop.time()) > 0:
                await asyncio.sleep(rest)  # the pause that limits the share of the time
            else:
                break
        is_over = self._begun < since or loop.time() - self._ended >= self._kept_for()
        if self._asked is None or (self._asked.done() and is_over):
            self._begun, self._asked = loop.time(), asyncio.create_task(self._ask())
            self._asked.add_done_callback(self._note_end)
        return self._asked

    async def close(self) -> None:
        """End the question that is being asked."""
        if self._asked is not None and not self._asked.done():
            self._asked.cancel()
            await asyncio.wait((self._asked,))

    def _kept_for(self) -> float:
        return max(self._keep_seconds, self._took * REST_FACTOR)

    def _note_end(self, task: asyncio.Task[AnswerT]) -> None:
        self._ended = asyncio.get_event_loop().time()
        self._took = self._ended - self._begun
        if not task.cancelled():
            task.exception()  # nobody may ask again, and an error that is not fetched would be logged
