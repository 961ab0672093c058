"""Finds streams of which the node reads nothing although the log has more: the fault `stream_stalled`.

A node that is behind makes progress, and is not stalled. Only a topic whose position stays the same counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from broker.log import Bounds, Log
from node.database.engine import Store
from node.sending.faults import Faults
from node.store import read_positions

log = structlog.get_logger()

STALLED_MS_MAX: Final = 5 * 60 * 1000  # longer than a start of all clients of a log takes
LOOK_MS: Final = 60 * 1000  # between two looks
STALLED: Final = "stream_stalled"


@dataclass(slots=True, kw_only=True)
class StalledStreams:
    """Watches the topics that a node reads, by all its processes."""

    store: Store
    bus: Log
    faults: Faults
    _looked_at: int | None = None
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Topic that is behind -> its position, and since when it is there, in ms."""

    def is_due(self, now: int) -> bool:
        """Whether it is time to look again; `now` in ms."""
        return self._looked_at is None or abs(now - self._looked_at) >= LOOK_MS

    async def look(self, topics: Mapping[str, object], now: int) -> None:
        """Compare positions with the ends of `topics`. Raises LogUnavailable and Unavailable."""
        self._looked_at = now
        bounds = await self.bus.bounds(list(topics))
        positions = await self.store.read(read_positions.next_positions)
        behind = {
            topic: positions.get(topic, 0) for topic, found in bounds.items() if _is_behind(found, positions, topic)
        }
        self._seen = {
            topic: self._seen[topic] if self._seen.get(topic, (-1, 0))[0] == position else (position, now)
            for topic, position in behind.items()
        }
        stalled = {topic: position for topic, (position, since) in self._seen.items() if now - since >= STALLED_MS_MAX}
        messages = {
            topic: f"nothing is read from position {position} on, and the log has {bounds[topic].end - position} more"
            for topic, position in stalled.items()
        }
        for topic in await self.faults.only(STALLED, messages):
            log.error("stream_stalled", topic=topic, position=stalled[topic])


def _is_behind(found: Bounds, positions: Mapping[str, int], topic: str) -> bool:
    """Whether the log has records after the position; a topic whose records were all removed has none."""
    return max(positions.get(topic, 0), found.beginning) < found.end
