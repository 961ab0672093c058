"""Tells whether another connection has committed to the store, without a transaction and without a thread."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Final

POLL_SECONDS: Final = 0.01


class Changes:
    """Watches one store file through `PRAGMA data_version` on a connection that stays open."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._version = self._read()

    def _read(self) -> int:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def happened(self) -> bool:
        """Whether anything was committed since the last call."""
        version = self._read()
        changed = version != self._version
        self._version = version
        return changed

    async def wait(self, stopping: asyncio.Event, seconds: float | None = None) -> None:
        """Return when something was committed, the node stops, or after `seconds`."""
        loop = asyncio.get_running_loop()
        end = None if seconds is None else loop.time() + seconds
        # To wait for either event costs several times as much as this, a hundred times a second.
        while not stopping.is_set() and not self.happened() and (end is None or loop.time() < end):  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
