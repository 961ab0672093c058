"""The reading half of the log port in memory, for what a real log does only when it breaks."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from broker.log import Bounds, Entry, Fault, Fetched, LogUnavailable

Positioned = dict[int, bytes | None]


def without_holes(values: Collection[bytes | None]) -> Positioned:
    """Values at the positions from 0 on."""
    return dict(enumerate(values))


@dataclass(kw_only=True)
class MemoryLog:
    """Topics as position -> value; a test sets what breaks. Whoever wants to write finds no method for it."""

    records: dict[str, Positioned]
    ends: dict[str, int] = field(default_factory=dict)
    """Where a topic ends, if not behind its last record."""

    beginnings: dict[str, int] = field(default_factory=dict)
    corrupt: dict[str, int] = field(default_factory=dict)
    """Topic -> position that can't be read."""

    before_fetch: Callable[["MemoryLog", int], None] = lambda *_: None
    """Called with the number of the fetch, from 0."""

    records_max: int = 1000
    is_away: bool = False
    fetches: int = 0

    async def topics(self) -> frozenset[str]:
        """All of them."""
        return frozenset(self.records)

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Of those that exist."""
        if self.is_away:
            raise LogUnavailable("the log is away")
        return {topic: self._bounds(topic) for topic in topics if topic in self.records}

    async def fetch(self, positions: Mapping[str, int], *, records_max: int, wait_seconds: float) -> list[Fetched]:
        """What is there, without waiting."""
        assert wait_seconds > 0
        self.before_fetch(self, self.fetches)
        self.fetches += 1
        if self.is_away:
            raise LogUnavailable("the log is away")
        found = (self._fetch(topic, at, min(records_max, self.records_max)) for topic, at in positions.items())
        return [one for one in found if one.entries or one.fault]

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
        at = [one for one in sorted(self.records[topic]) if position <= one < corrupt]
        entries = tuple(Entry(topic=topic, position=one, value=self.records[topic][one]) for one in at[:records_max])
        reached = len(at) <= records_max and topic in self.corrupt and position <= corrupt
        return Fetched(topic=topic, entries=entries, fault=Fault.CORRUPT if reached else None)

    async def append(self, *_: object) -> int:
        """An auditor that comes here has a bug."""
        raise AssertionError("replay writes nothing")

    provision = check = append

    async def close(self) -> None:
        """Nothing to let go of."""
