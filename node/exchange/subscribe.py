"""Reads the log and hands what it finds to `ingest`; looks again at what had to wait.

`assign` and `seek` only: positions are the store's own. Faults of one stream do not stop the others. A log that is
away is retried for ever with a ceiling; a store that is away likewise; whatever else is raised is a bug and ends the
daemon.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from broker.log import Bounds, Fault, Fetched, Log
from broker.streams import KEYS
from node.exchange.arrival import Arrival
from node.exchange.ingest import ingest
from node.exchange.retry import RECORDS_IN_TRANSACTION_MAX, retry_pending
from node.stages import Grant, StreamId
from node.store import pending_records, read_positions, stream_findings
from node.store.engine import Store
from node.verification.judge import Judge

log = structlog.get_logger()

WAITING_PER_ORIGINATOR_MAX: Final = 20_000  # records kept sealed for one originator before its streams pause
WAITING_ALARM_MS: Final = 15 * 60 * 1000


class Subscriber:
    """One process's reading of the streams that are its share."""

    def __init__(
        self,
        *,
        store: Store,
        bus: Log,
        judge: Callable[[], Judge],
        places: Mapping[str, StreamId],
        clock: Callable[[], int],
        reads: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`places` are the topics to read, all of originators that this process `reads`.

        `judge()` is the judge of the moment, `clock()` the time in ms.
        """
        self._store = store
        self.bus = bus
        self._judge = judge
        self.places = dict(places)
        self._clock = clock
        self._reads = reads
        self._positions: dict[str, int] = {}
        self._known: set[str] = set()
        self._paused: frozenset[str] = frozenset()
        self._corrupt: dict[str, int] = {}
        self._denied: set[str] = set()
        self._look_again = True

    async def start(self) -> None:
        """Load the positions from the store."""
        async with self._store.read() as db:
            stored = await read_positions.next_positions(db)
        self._known = set(stored)
        # Grants first here too: a log answers in this order, and a backlog of reports would have to wait for them.
        topics = sorted(self.places, key=lambda topic: self.places[topic].stream != KEYS)
        self._positions = {topic: stored.get(topic, 0) for topic in topics}
        await self._pause()

    async def step(self, wait_seconds: float) -> int:
        """Fetch once, waiting up to `wait_seconds` for the first record, and ingest; returns the number of records."""
        if self._look_again:  # a crash may have come between a grant and what waited for it
            await self.retry_all()
            self._look_again = False
        wanted = {
            topic: position
            for topic, position in self._positions.items()
            if self.places[topic].originator not in self._paused or self.places[topic].stream == KEYS
        }
        fetched = await self.bus.fetch(wanted, records_max=RECORDS_IN_TRANSACTION_MAX, wait_seconds=wait_seconds)
        found: list[Arrival] = []
        after: dict[str, int] = {}
        # Grants first, so that what they open does not have to wait for them.
        for one in sorted(fetched, key=lambda one: self.places[one.topic].stream != KEYS):
            found += self._found(one)
            if one.entries:
                after[one.topic] = one.entries[-1].position + 1
        if found:
            new = await ingest(self._store, self._judge(), found, positions=after, now=self._clock())
            self._positions |= after
            self._known |= after.keys()
            if new:
                await self.retry_for(new)
            await self._pause()
        for one in fetched:
            if one.fault is not None:
                await self._faulty(one.topic, one.fault)
        return len(found)

    def _found(self, fetched: Fetched) -> list[Arrival]:
        place = self.places[fetched.topic]
        return [
            Arrival(topic=entry.topic, place=place, position=entry.position, value=entry.value)
            for entry in fetched.entries
        ]

    async def _faulty(self, topic: str, fault: Fault) -> None:
        place, position = self.places[topic], self._positions[topic]
        if fault is Fault.MISSING:
            return  # not provisioned yet; `status` shows it without an end
        if fault is Fault.DENIED:
            if topic not in self._denied:
                self._denied.add(topic)
                log.error("stream_denied", topic=topic)
            return
        if fault is Fault.CORRUPT:
            if self._corrupt.get(topic) != position:
                self._corrupt[topic] = position
                await self._record("transport_corrupt", topic, place, None, position)
            return
        bounds: Bounds | None = (await self.bus.bounds([topic])).get(topic)
        if bounds is None:
            return
        if topic in self._known:
            async with self._store.read() as db:
                sequence = await read_positions.highest(db, topic) + 1
            await self._record("head_truncated", topic, place, sequence, bounds.beginning)
        self._positions[topic] = bounds.beginning

    async def _record(self, code: str, topic: str, place: StreamId, sequence: int | None, position: int) -> None:
        log.error("stream_fault", code=code, topic=topic, position=position)
        async with self._store.write() as db:
            wanted = (code, place.originator, place.stream, position)
            standing = await stream_findings.standing(db)
            if all((known.code, known.originator, known.stream, known.position) != wanted for known in standing):
                await stream_findings.add(db, code, place, sequence=sequence, position=position, now=self._clock())
            if code == "head_truncated":
                highest = await read_positions.highest(db, topic)
                await read_positions.put(db, [(topic, place, position, highest)])

    async def retry_for(self, grants: Sequence[Grant]) -> int:
        """Look again at what waits for one of `grants`."""
        return await self._retry(grants=grants)

    async def retry_due(self) -> int:
        """Look again at what was held until now."""
        return await self._retry()

    async def retry_all(self) -> int:
        """Look again at everything that waits or is held, after documents or keys changed."""
        return await self._retry(everything=True)

    async def _retry(self, *, grants: Sequence[Grant] = (), everything: bool = False) -> int:
        looked = await retry_pending(
            self._store, self._judge, clock=self._clock, grants=grants, everything=everything, of=self._reads
        )
        if looked:
            await self._pause()
        return looked

    async def _pause(self) -> None:
        """Streams of an originator with too much waiting pause until some of it is decided."""
        async with self._store.read() as db:
            waiting = await pending_records.counts_by_originator(db)
        paused = frozenset(name for name, count in waiting.items() if count >= WAITING_PER_ORIGINATOR_MAX)
        for name in paused - self._paused:
            log.error("originator_paused", originator=name, waiting=waiting[name])
        self._paused = paused
