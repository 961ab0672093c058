"""The reading half of the log port in memory, for faults that a real log shows only when it breaks."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from broker.log import Bounds, Drift, Entry, Fault, Fetched, LogUnavailable, Provisioned, TopicSpec

Positioned = dict[int, bytes | None]


def without_holes(values: Collection[bytes | None]) -> Positioned:
    """The values at positions from 0 on."""
    return dict(enumerate(values))


@dataclass(kw_only=True)
class MemoryLog:
    """Topics as position -> value. A test sets the faults. The methods that write raise."""

    records: dict[str, Positioned]
    ends: dict[str, int] = field(default_factory=dict)
    """The end of a topic, if it is not the position after its last record."""

    beginnings: dict[str, int] = field(default_factory=dict)
    corrupt: dict[str, int] = field(default_factory=dict)
    """Topic -> position that cannot be read."""

    before_fetch: Callable[["MemoryLog", int], None] = lambda *_: None
    """Called with the number of the fetch, from 0."""

    records_max: int = 1000
    is_away: bool = False
    fetches: int = 0

    async def topics(self) -> frozenset[str]:
        """All topics."""
        return frozenset(self.records)

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Beginning and end of each topic that exists."""
        if self.is_away:
            raise LogUnavailable("the log is away")
        return {topic: self._bounds(topic) for topic in topics if topic in self.records}

    async def fetch(self, positions: Mapping[str, int], *, records_max: int, wait_seconds: float) -> list[Fetched]:
        """The records and faults from `positions` on. It never waits."""
        assert wait_seconds > 0
        self.before_fetch(self, self.fetches)
        self.fetches += 1
        if self.is_away:
            raise LogUnavailable("the log is away")
        found = (self._fetch(topic, at, min(records_max, self.records_max)) for topic, at in positions.items())
        return [fetched for fetched in found if fetched.entries or fetched.fault]

    def _bounds(self, topic: str) -> Bounds:
        positions = self.records[topic]
        beginning = self.beginnings.get(topic, min(positions, default=0))
        return Bounds(beginning=beginning, end=self.ends.get(topic, max(positions, default=beginning - 1) + 1))

    def _fetch(self, topic: str, position: int, records_max: int) -> Fetched:
        if topic not in self.records:
            return Fetched(topic=topic, entries=(), fault=Fault.MISSING)
        bounds = self._bounds(topic)
        if not bounds.beginning <= position <= bounds.end:
            return Fetched(topic=topic, entries=(), fault=Fault.OUT_OF_RANGE)
        corrupt = self.corrupt.get(topic, bounds.end)
        records = self.records[topic]
        readable = [number for number in sorted(records) if position <= number < corrupt]
        entries = tuple(Entry(topic=topic, position=at, value=records[at]) for at in readable[:records_max])
        reached = len(readable) <= records_max and topic in self.corrupt and position <= corrupt
        return Fetched(topic=topic, entries=entries, fault=Fault.CORRUPT if reached else None)

    async def append(self, *_: object) -> int:
        """Fail the test: an auditor never writes."""
        raise AssertionError("replay writes nothing")

    async def provision(self, specs: Sequence[TopicSpec]) -> Provisioned:
        """Fail the test, as `append`."""
        raise AssertionError(f"replay provisions nothing, not even {len(specs)} topics")

    async def check(self, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
        """Fail the test, as `append`."""
        raise AssertionError(f"replay checks nothing, not even {len(specs)} topics")

    async def close(self) -> None:
        """There is nothing to close."""
