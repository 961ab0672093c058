"""Replaces a log client that stops receiving without an error.

A Kafka consumer can stop receiving without raising an exception. This module detects that: the end of a topic, asked on
another connection, is beyond a position that does not move. Only the time inside `fetch` counts, so a locked store or a
busy reader has no effect. A topic with a known fault is not expected to move.

Rules. Lag without progress for `stall_seconds` replaces the client. At the last of `rebuilds_max` replacements within
`window_seconds` it depends on the other topics. If new clients received nothing at all, `LogStuck` is raised instead;
the process then ends and its supervisor starts it again. If they received records of others, the log claims records
that it does not deliver: these topics are corrupt until one of their records arrives.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from broker.log import Bounds, Drift, Fault, Fetched, Log, LogStuck, Provisioned, TopicSpec

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a client that receives nothing is replaced, and when the process ends instead."""

    look_seconds: float = 10.0
    """Time in `fetch` between two questions about the ends of topics."""

    stall_seconds: float = 90.0
    rebuilds_max: int = 3
    window_seconds: float = 15 * 60.0


class WatchedLog:
    """`broker.log.Log` around a client that `make` creates."""

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
        self._stalled: dict[str, float] = {}  # lagging topic -> seconds in `fetch` without a record of it
        self._since_look = 0.0
        self._rebuilds: deque[float] = deque()
        self._received_at = float("-inf")
        self._undelivered: set[str] = set()  # topics whose records new clients did not receive either

    async def fetch(self, positions: Mapping[str, int], *, records_max: int, wait_seconds: float) -> list[Fetched]:
        """Fetch from the client; raises LogStuck if replacing it did not help."""
        begun = self._monotonic()
        fetched = await self._client.fetch(positions, records_max=records_max, wait_seconds=wait_seconds)
        self._count(self._monotonic() - begun, {answer.topic for answer in fetched})
        received = {answer.topic for answer in fetched if answer.entries}
        if received:
            self._received_at = self._monotonic()
            self._undelivered -= received
        if self._since_look >= self._thresholds.look_seconds:
            self._since_look = 0.0
            await self._look(positions, faulty={answer.topic for answer in fetched if answer.fault is not None})
            stuck = [topic for topic, spent in self._stalled.items() if spent >= self._thresholds.stall_seconds]
            if stuck:
                await self._rebuild(stuck)
        answered = {answer.topic for answer in fetched}
        corrupt = sorted(topic for topic in self._undelivered if topic in positions and topic not in answered)
        return [*fetched, *(Fetched(topic=topic, entries=(), fault=Fault.CORRUPT) for topic in corrupt)]

    def _count(self, spent: float, moved: Collection[str]) -> None:
        self._since_look += spent
        for topic in list(self._stalled):
            if topic in moved:
                del self._stalled[topic]
            else:
                self._stalled[topic] += spent

    async def _look(self, positions: Mapping[str, int], faulty: Collection[str]) -> None:
        ends = await self._client.bounds([topic for topic in positions if topic not in {*faulty, *self._undelivered}])
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
            if self._received_at <= self._rebuilds[0]:
                raise LogStuck(f"{len(self._rebuilds)} new clients in a row received nothing of {stuck[0]}")
            self._undelivered.update(stuck)
            self._rebuilds.clear()
            return
        client, self._client = self._client, self._make()
        await client.close()

    async def append(self, topic: str, values: Sequence[bytes]) -> int:
        """Pass the call to the client."""
        return await self._client.append(topic, values)

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Pass the call to the client."""
        return await self._client.bounds(topics)

    async def topics(self) -> frozenset[str]:
        """Pass the call to the client."""
        return await self._client.topics()

    async def provision(self, specs: Sequence[TopicSpec]) -> Provisioned:
        """Pass the call to the client."""
        return await self._client.provision(specs)

    async def check(self, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
        """Pass the call to the client."""
        return await self._client.check(specs)

    async def close(self) -> None:
        """Pass the call to the client."""
        await self._client.close()
