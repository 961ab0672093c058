"""The metadata of the cluster, asked on a connection of its own: which topics exist, where they begin and end.

A client that failed is abandoned; the next question makes a new one.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from broker.kafka.client import Address
from broker.kafka.consumer import Consumer
from broker.log import Bounds, LogUnavailable

End = Callable[[Coroutine[Any, Any, None]], None]


class Metadata:
    """Asks the cluster with one client, and remembers the names of its topics."""

    def __init__(self, address: Address, end: End, monotonic: Callable[[], float]) -> None:
        """`end` closes an abandoned client in the background."""
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
        """Seconds since the last answer about topics."""
        return self._monotonic() - self._asked_at

    def forget(self) -> None:
        """Drop the known topics, so that they are asked for before their next use."""
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
        """Beginning and end of each topic that exists; raises LogUnavailable."""
        existing = await self.topics()
        if not (asked := [topic for topic in topics if topic in existing]):
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
        """Abandon the client. A later question would make another one."""
        if self._client is not None:
            self._abandon(self._client)
