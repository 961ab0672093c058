"""Notes when tokens were used, to the minute: at most one write a minute for each token, beside the requests."""

import asyncio
from typing import Final

from node.credentials import token_rows
from node.credentials.token_rows import TokenRow
from node.database.engine import Store
from node.errors import Unavailable

USE_NOTED_MS: Final = 60_000


def is_due(row: TokenRow, now: int) -> bool:
    """Whether a use at `now` (ms) is worth a write; one after the clock was set back is too."""
    return row.used_at is None or abs(now - row.used_at) >= USE_NOTED_MS


class TokenUse:
    """What one gateway has to note."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._uses: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def note(self, row: TokenRow, now: int) -> None:
        """Note a use soon, unless one of the last minute is noted."""
        if is_due(row, now) and row.id not in self._uses:
            self._uses[row.id] = now
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Finish the write that runs."""
        if self._task is not None:
            await self._task

    async def _write(self) -> None:
        while self._uses:
            uses = dict(self._uses)
            try:
                await self._store.write(lambda db, uses=uses: token_rows.note_use(db, uses))  # type: ignore[misc]
            except Unavailable:
                self._uses.clear()  # the next use tries again; the time of a use is not worth a queue
                return
            for token_id in uses:
                del self._uses[token_id]
