"""Reads positions of the log again: those of deferred records, or those that an operator names.

- The reading positions of the node stay where they are. What was decided before is a duplicate and changes nothing.
- Records that are still above their budget are deferred again.
- If the log no longer has the positions, that is the finding `records_lost`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from broker.log import Entry, Log
from node.database.engine import Store, Transaction
from node.exchange.arrival import Arrival
from node.exchange.ingest_portions import ingest_portions
from node.exchange.retry import RECORDS_IN_TRANSACTION_MAX, retry_pending
from node.stages import StreamId
from node.store import stream_findings
from node.undecided import deferred_positions
from node.undecided.deferred_positions import DeferredRange
from node.verification.judge import Judge

log = structlog.get_logger()

LOST: Final = "records_lost"  # the finding about the stream
FETCH_WAIT_SECONDS: Final = 2.0  # the records are there: only a slow log needs this long


@dataclass(slots=True)
class PositionRange:
    """Positions that are still to be read again."""

    topic: str
    first: int
    end: int


@dataclass(slots=True, kw_only=True)
class Rereader:
    """Reads ranges of positions again, one fetch in each step, so that new records do not wait for it."""

    store: Store
    bus: Log
    judge: Callable[[], Judge]
    places: Mapping[str, StreamId]
    clock: Callable[[], int]
    may_read: Callable[[StreamId], bool] = lambda _: True
    """Whether a stream is read now: while it is paused, its ranges wait."""

    _left: deque[PositionRange] = field(default_factory=deque)

    async def start(self) -> None:
        """Take up every deferred range of the topics that this process reads."""
        self._left.clear()
        found: list[DeferredRange] = []
        while page := await self.store.read(partial(deferred_positions.ranges, after=_last(found))):
            found += page
        self.add(PositionRange(known.topic, known.first, known.last + 1) for known in found)

    def add(self, ranges: Iterable[PositionRange]) -> None:
        """Read these positions again, after those that were added before."""
        self._left += [range_ for range_ in ranges if range_.topic in self.places]

    @property
    def is_done(self) -> bool:
        """Whether nothing is left that may be read again now."""
        return not any(self._may_read(range_) for range_ in self._left)

    def _may_read(self, range_: PositionRange) -> bool:
        return self.may_read(self.places[range_.topic])

    async def step(self) -> int:
        """Read a part of the first range again; returns the number of records."""
        if self.is_done:
            return 0
        while not self._may_read(self._left[0]):
            self._left.rotate(-1)
        current = self._left[0]
        answers = await self.bus.fetch(
            {current.topic: current.first}, records_max=RECORDS_IN_TRANSACTION_MAX, wait_seconds=FETCH_WAIT_SECONDS
        )
        answer = next((answer for answer in answers if answer.topic == current.topic), None)
        entries = [entry for entry in answer.entries if entry.position < current.end] if answer is not None else []
        if entries:
            await self._ingest(current, entries)
        elif answer is not None and answer.entries:  # the log has no record in the rest of the range
            await self._lose(current, current.end)
        else:
            await self._look_at_bounds(current)
        if current.first >= current.end:
            self._left.popleft()
        return len(entries)

    async def _look_at_bounds(self, current: PositionRange) -> None:
        """The log has no record at the position: it deleted them, or it cannot read the topic now."""
        bounds = (await self.bus.bounds([current.topic])).get(current.topic)
        if bounds is not None and current.first < bounds.beginning:
            await self._lose(current, bounds.beginning)
        elif bounds is not None and current.first >= bounds.end:
            await self._lose(current, current.end)
        else:  # the next start tries again
            current.first = current.end

    async def _ingest(self, current: PositionRange, entries: Sequence[Entry]) -> None:
        place = self.places[current.topic]
        arrivals = [
            Arrival(topic=entry.topic, place=place, position=entry.position, value=entry.value, read_again=True)
            for entry in entries
        ]
        new_grants = await ingest_portions(
            self.store, self.judge, arrivals, positions={}, clock=self.clock, reread_from=current.first
        )
        if new_grants:
            await retry_pending(self.store, self.judge, clock=self.clock, grants=new_grants)
        current.first = entries[-1].position + 1

    async def _lose(self, current: PositionRange, beginning: int) -> None:
        """The log deleted records before they were read again: note it, and go on at `beginning`."""
        end = min(max(beginning, current.first + 1), current.end)
        place, first, now = self.places[current.topic], current.first, self.clock()
        log.error("records_lost", topic=current.topic, position=first, records=end - first)

        def record(db: Transaction) -> None:
            deferred_positions.forget(db, current.topic, first, end)
            stream_findings.note(db, LOST, place, sequence=None, position=first, now=now)

        await self.store.write(record)
        current.first = end


def _last(found: Sequence[DeferredRange]) -> tuple[str, int]:
    return (found[-1].topic, found[-1].first) if found else ("", -1)
