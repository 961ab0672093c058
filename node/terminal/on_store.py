"""Runs a command on the store of a home, which is open meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from node.database.engine import Store
    from node.runtime.home import Home

AnswerT = TypeVar("AnswerT")


def on_store(home: "Home", command: Callable[["Store"], Awaitable[AnswerT]]) -> AnswerT:
    """Run a command on the store of a home."""

    async def serve() -> AnswerT:
        from node.runtime.open_store import open_store

        async with open_store(home, existing=True) as store:
            return await command(store)

    return asyncio.run(serve())
