"""Finds the tokens of requests. Requests that arrive while the store is read share the next look-up.

Each request is answered by a state of the store that is newer than its arrival, so a token that was revoked is refused
at once, whichever process revoked it. There is no cache that could go out of date; under load many requests share
one transaction.
"""

import asyncio

from node.credentials import token_rows
from node.credentials.token_rows import TokenRow
from node.database.engine import Store

IDS_TOGETHER_MAX = 500


class TokenLookup:
    """The look-ups of one gateway."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wanted: dict[str, asyncio.Future[TokenRow | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def row(self, token_id: str) -> TokenRow | None:
        """The token with this id; None if there is none. Raises Unavailable."""
        future = self._wanted.get(token_id)
        if future is None:
            future = self._wanted[token_id] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_up())
        return await asyncio.shield(future)  # a caller that goes away must not cancel the look-up of others

    async def _look_up(self) -> None:
        """Answer everything that is wanted, and what comes to be wanted meanwhile."""
        while self._wanted:
            asked = dict(list(self._wanted.items())[:IDS_TOGETHER_MAX])
            for token_id in asked:
                del self._wanted[token_id]
            try:
                found = await self._store.read(lambda db, ids=list(asked): token_rows.by_ids(db, ids))  # type: ignore[misc]
            except Exception as error:
                for future in asked.values():
                    future.set_exception(error)
                    future.exception()  # the caller may be gone; then nobody else asks for it
                continue
            for token_id, future in asked.items():
                future.set_result(found.get(token_id))
