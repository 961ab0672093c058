"""Watches a log client that can fall silent without an error, and replaces it.

A consumer of Kafka can stop receiving for reasons that no exception tells. What shows it is the end of a topic, asked
on another connection, beyond a position that does not move. Only time spent inside `fetch` counts, so a store that is
locked, or a reader that is busy, is no reason. A topic with a fault that is known is not expected to move.

Rules: lag without progress for `stall_seconds` makes a new client; `rebuilds_max` of them within `window_seconds` raise
`LogStuck`, and a supervisor starts the process anew.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from broker.log import Bounds, Drift, Fetched, Log, LogStuck, Provisioned, TopicSpec

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a silent client is replaced, and when that is given up. Seconds."""

    look_seconds: float = 10.0
    """Time in `fetch` between two looks at the ends."""

    stall_seconds: float = 90.0
    rebuilds_max: int = 3
    window_seconds: float = 15 * 60.0


class WatchedLog:
    """`broker.log.Log` around a client that `make` makes."""

    def __init__(
        self,
        make: Callable[[], Log],
        *,
        thresholds: Thresholds | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`monotonic` is the clock, in seconds."""
        self._make = make
        self._thresholds = thresholds or Thresholds()
        self._monotonic = monotonic
        self._client = make()
        self._stalled: dict[str, float] = {}  # lagging topic -> seconds in `fetch` without anything of it
        self._since_look = 0.0
        self._rebuilds: deque[float] = deque()

    async def fetch(self, positions: Mapping[str, int], *, records_max: int, wait_seconds: float) -> list[Fetched]:
        """As the client; raises LogStuck when replacing it did not help."""
        begun = self._monotonic()
        fetched = await self._client.fetch(positions, records_max=records_max, wait_seconds=wait_seconds)
        self._count(self._monotonic() - begun, {one.topic for one in fetched})
        if self._since_look >= self._thresholds.look_seconds:
            self._since_look = 0.0
            await self._look(positions, faulty={one.topic for one in fetched if one.fault is not None})
            stuck = [topic for topic, spent in self._stalled.items() if spent >= self._thresholds.stall_seconds]
            if stuck:
                await self._rebuild(stuck)
        return fetched

    def _count(self, spent: float, moved: Collection[str]) -> None:
        self._since_look += spent
        for topic in list(self._stalled):
            if topic in moved:
                del self._stalled[topic]
            else:
                self._stalled[topic] += spent

    async def _look(self, positions: Mapping[str, int], faulty: Collection[str]) -> None:
        ends = await self._client.bounds([topic for topic in positions if topic not in faulty])
        lagging = {topic for topic, bounds in ends.items() if bounds.end > positions[topic]}
        self._stalled = {topic: self._stalled.get(topic, 0.0) for topic in lagging}

    async def _rebuild(self, stuck: Sequence[str]) -> None:
        now = self._monotonic()
        while self._rebuilds and now - self._rebuilds[0] > self._thresholds.window_seconds:
            self._rebuilds.popleft()
        self._rebuilds.append(now)
        self._stalled.clear()
        log.error("log_client_stalled", topics=sorted(stuck)[:10], rebuilds=len(self._rebuilds))
        if len(self._rebuilds) >= self._thresholds.rebuilds_max:
            raise LogStuck(f"{len(self._rebuilds)} new clients in a row received nothing of {stuck[0]}")
        client, self._client = self._client, self._make()
        await client.close()

    async def append(self, topic: str, values: Sequence[bytes]) -> int:
        """As the client."""
        return await self._client.append(topic, values)

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """As the client."""
        return await self._client.bounds(topics)

    async def topics(self) -> frozenset[str]:
        """As the client."""
        return await self._client.topics()

    async def provision(self, specs: Sequence[TopicSpec]) -> Provisioned:
        """As the client."""
        return await self._client.provision(specs)

    async def check(self, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
        """As the client."""
        return await self._client.check(specs)

    async def close(self) -> None:
        """As the client."""
        await self._client.close()
