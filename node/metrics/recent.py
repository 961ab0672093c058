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


class Recent(Generic[AnswerT]):
    """One question."""

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, AnswerT]], *, keep_seconds: float) -> None:
        """An answer is kept for `keep_seconds`, or longer if it took long."""
        self._ask = ask
        self._keep_seconds = keep_seconds
        self._asked: asyncio.Task[AnswerT] | None = None
        self._begun = 0.0
        self._ended = 0.0

    async def get(self, seconds: float) -> AnswerT:
        """The answer. Raises TimeoutError after `seconds`, and what the question raises."""
        now = asyncio.get_running_loop().time()
        if self._asked is None or (self._asked.done() and now - self._ended >= self._kept_for()):
            self._begun, self._asked = now, asyncio.create_task(self._ask())
            self._asked.add_done_callback(self._note_end)
        await asyncio.wait((self._asked,), timeout=seconds)
        if not self._asked.done():
            raise TimeoutError
        return self._asked.result()

    async def close(self) -> None:
        """End the question that is being asked."""
        if self._asked is not None and not self._asked.done():
            self._asked.cancel()
            await asyncio.wait((self._asked,))

    def _kept_for(self) -> float:
        return max(self._keep_seconds, (self._ended - self._begun) * REST_FACTOR)

    def _note_end(self, task: asyncio.Task[AnswerT]) -> None:
        self._ended = asyncio.get_event_loop().time()
        if not task.cancelled():
            task.exception()  # nobody may ask again, and an error that is not fetched would be logged
