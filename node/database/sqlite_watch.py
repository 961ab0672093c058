"""Notices commits of other connections to a SQLite store, without a transaction and without a thread."""

import asyncio
import math
import sqlite3
import time
from pathlib import Path
from typing import Final

from node.database.damage import is_damage, store_damaged

POLL_SECONDS: Final = 0.002
POLL_SECONDS_MAX: Final = 0.05
SILENCE_SHARE: Final = 20  # a twentieth of the silence so far: an idle node costs little, and a busy node is quick


class SqliteWatch:
    """Watches one store file by `PRAGMA data_version` on a connection that stays open."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._version = self._read()
        self._heard = time.monotonic()

    def _read(self) -> int:
        try:
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise store_damaged(error) from error
            raise
        return int(version)

    def happened(self) -> bool:
        """Whether something was committed since the last call."""
        version = self._read()
        changed = version != self._version
        if changed:
            self._heard = time.monotonic()
        self._version = version
        return changed

    async def wait(self, stopping: asyncio.Event, seconds: float | None = None) -> None:
        """Return when something was committed, when the node stops, or after `seconds`."""
        end = math.inf if seconds is None else time.monotonic() + seconds
        # Polling both costs a fraction of a task for each, and this runs up to 500 times a second.
        while not stopping.is_set() and not self.happened() and (now := time.monotonic()) < end:
            silence = now - self._heard
            await asyncio.sleep(min(max(POLL_SECONDS, min(POLL_SECONDS_MAX, silence / SILENCE_SHARE)), end - now))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
