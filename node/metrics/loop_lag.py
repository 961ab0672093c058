"""How late the event loop of this process is: a task that wants to run at a time measures when it runs."""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

INTERVAL_SECONDS: Final = 0.5
REMEMBERED_MAX: Final = 120  # a minute


class LoopLag:
    """The lags of the last minute."""

    def __init__(self) -> None:
        self._lags: deque[float] = deque(maxlen=REMEMBERED_MAX)

    @property
    def worst_seconds(self) -> float:
        """The greatest lag of the last minute."""
        return max(self._lags, default=0.0)

    async def measure(self, stopping: asyncio.Event) -> None:
        """Measure until `stopping` is set."""
        loop = asyncio.get_running_loop()
        while not stopping.is_set():
            due = loop.time() + INTERVAL_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await stopping.wait()
            self._lags.append(max(0.0, loop.time() - due) if not stopping.is_set() else 0.0)
