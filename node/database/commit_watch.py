"""The port by which a job of the daemon waits for commits to the store, its own and those of other processes."""

import asyncio
from typing import Protocol


class CommitWatch(Protocol):
    """Waits for commits. What was committed before the first `wait` may be reported or not."""

    async def wait(self, stopping: asyncio.Event, seconds: float | None = None) -> None:
        """Return when something was committed, when the node stops, or after `seconds`; sometimes without a reason."""

    def close(self) -> None:
        """Close the connection."""
