"""Questions to the cluster, on a connection of their own: which topics are there, where do they begin and end.

A desk that failed is left behind and made anew with the next question.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from broker.kafka.clients import Address, Consumer
from broker.log import Bounds, LogUnavailable

End = Callable[[Coroutine[Any, Any, None]], None]


class Desk:
    """Asks with one client, and remembers which topics there were."""

    def __init__(self, address: Address, end: End, monotonic: Callable[[], float]) -> None:
        """`end` sees to the end of a client that is left behind."""
        self._address = address
        self._end = end
        self._monotonic = monotonic
        self._client: Consumer | None = None
        self._starting = asyncio.Lock()
        self._asked_at = float("-inf")
        self.known: frozenset[str] = frozenset()
        """The topics of the last answer."""

    @property
    def age(self) -> float:
        """Seconds since the topics were asked for."""
        return self._monotonic() - self._asked_at

    def forget(self) -> None:
        """Ask for the topics again before they are needed."""
        self.known = frozenset()
        self._asked_at = float("-inf")

    async def topics(self) -> frozenset[str]:
        """Every topic of the cluster; raises LogUnavailable."""
        client = await self._started()
        try:
            self.known = await client.topics()
        except LogUnavailable:
            self._abandon(client)
            raise
        self._asked_at = self._monotonic()
        return self.known

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Beginning and end of those that exist; raises LogUnavailable."""
        there = await self.topics()
        if not (asked := [topic for topic in topics if topic in there]):
            return {}
        client = await self._started()
        try:
            return await client.bounds(asked)
        except LogUnavailable:
            self._abandon(client)
            raise

    async def _started(self) -> Consumer:
        async with self._starting:
            if self._client is None:
                client = Consumer(self._address)
                await client.start()
                self._client = client
            return self._client

    def _abandon(self, client: Consumer) -> None:
        if self._client is client:
            self._client = None
            self._end(client.close())

    def close(self) -> None:
        """Leave the client behind; a later question would make another."""
        if self._client is not None:
            self._abandon(self._client)
