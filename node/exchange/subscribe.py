"""Reads the log and hands the records to `ingest`; looks again at records that had to wait.

- Positions come from the store; the log keeps none. After a transaction that failed they are read from it again.
- A fault of one stream does not stop the others. A fault that cannot pass unnoticed becomes a finding.
- Any exception is raised to the daemon, which waits and repeats while log or store are away, and ends at a bug.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from broker.log import Fault, Fetched, Log
from broker.streams import KEYS
from node.database.engine import Store
from node.errors import Unavailable
from node.exchange.arrival import Arrival
from node.exchange.ingest import ingest
from node.exchange.log_faults import TRUNCATED, record_fault
from node.exchange.own_records import OwnRecords
from node.exchange.retry import RECORDS_IN_TRANSACTION_MAX, retry_pending
from node.stages import Grant, StreamId
from node.store import pending_records, read_positions
from node.verification.judge import Judge

log = structlog.get_logger()

WAITING_PER_ORIGINATOR_MAX: Final = 20_000  # records kept sealed for one originator before its streams pause
WAITING_ALARM_MS: Final = 15 * 60 * 1000


class Subscriber:
    """Reads the streams that one process reads."""

    def __init__(
        self,
        *,
        store: Store,
        bus: Log,
        judge: Callable[[], Judge],
        places: Mapping[str, StreamId],
        own_records: OwnRecords,
        clock: Callable[[], int],
        reads: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`places` are the topics to read, all of originators that this process `reads`.

        `judge()` is the judge under the documents in force now, `clock()` the time in ms.
        """
        self._store = store
        self.bus = bus
        self._judge = judge
        self.places = dict(places)
        self._own_records = own_records
        self._clock = clock
        self._reads = reads
        self._positions: dict[str, int] = {}
        self._known: set[str] = set()
        """Topics of which a record was ingested."""

        self._paused: frozenset[str] = frozenset()
        self._corrupt: dict[str, int] = {}
        """Topic -> position of the last corruption that was recorded."""

        self._denied: set[str] = set()
        self._retry_at_start = True
        self._uncertain = False
        """A transaction failed, and a server that vanished may have committed it."""

    async def start(self) -> None:
        """Load the positions from the store."""
        stored = await self._store.read(read_positions.next_positions)
        self._known = set(stored)
        # Grants first: a log answers in this order, and the backlog of reports would have to wait for them.
        topics = sorted(self.places, key=self._is_not_keys)
        self._positions = {topic: stored.get(topic, 0) for topic in topics}
        await self._pause()

    def _is_not_keys(self, topic: str) -> bool:
        return self.places[topic].stream != KEYS

    async def step(self, wait_seconds: float) -> int:
        """Fetch once, waiting up to `wait_seconds` for the first record, and ingest; returns the number of records."""
        if self._uncertain:
            await self.start()
            self._uncertain, self._retry_at_start = False, True
        if self._retry_at_start:  # a crash may have come between a grant and the records that waited for it
            await self.retry_all()
            self._retry_at_start = False
        wanted = {
            topic: position
            for topic, position in self._positions.items()
            if self.places[topic].originator not in self._paused or self.places[topic].stream == KEYS
        }
        fetched = await self.bus.fetch(wanted, records_max=RECORDS_IN_TRANSACTION_MAX, wait_seconds=wait_seconds)
        try:
            count = await self._ingest(fetched)
        except Unavailable:
            self._uncertain = True
            raise
        for part in fetched:
            if part.fault is not None:
                await self._handle_fault(part.topic, part.fault)
        return count

    async def _ingest(self, fetched: Sequence[Fetched]) -> int:
        arrivals: list[Arrival] = []
        positions: dict[str, int] = {}
        # Grants first, so that the messages that they open need not wait for them.
        for part in sorted(fetched, key=lambda part: self._is_not_keys(part.topic)):
            arrivals += self._arrivals(part)
            if part.entries:
                positions[part.topic] = part.entries[-1].position + 1
        if arrivals:
            new_grants = await ingest(self._store, self._judge(), arrivals, positions=positions, now=self._clock())
            self._positions |= positions
            self._known |= positions.keys()
            for arrival in arrivals:
                if arrival.own is not None:
                    self._own_records.forget(arrival.place, arrival.value)
            if new_grants:
                await self.retry_for(new_grants)
            if self._paused or any(arrival.is_pending for arrival in arrivals):
                await self._pause()
        return len(arrivals)

    def _arrivals(self, fetched: Fetched) -> list[Arrival]:
        place = self.places[fetched.topic]
        return [
            Arrival(
                topic=entry.topic,
                place=place,
                position=entry.position,
                value=entry.value,
                own=self._own_records.find(place, entry.value),
            )
            for entry in fetched.entries
        ]

    async def _handle_fault(self, topic: str, fault: Fault) -> None:
        match fault:
            case Fault.MISSING:  # the topic is not provisioned yet; `status` shows it without an end
                return
            case Fault.DENIED:
                if topic not in self._denied:
                    self._denied.add(topic)
                    log.error("stream_denied", topic=topic)
            case Fault.CORRUPT:
                position = self._positions[topic]
                if self._corrupt.get(topic) != position:
                    self._corrupt[topic] = position
                    await self._record("transport_corrupt", topic, None, position)
            case Fault.OUT_OF_RANGE:
                await self._go_to_beginning(topic)

    async def _go_to_beginning(self, topic: str) -> None:
        """The log deleted records before they were read, or has less than was read: go on at its beginning."""
        bounds = (await self.bus.bounds([topic])).get(topic)
        if bounds is None:
            return
        if topic in self._known:
            highest = await self._store.read(lambda db: read_positions.highest(db, topic))
            await self._record(TRUNCATED, topic, highest + 1, bounds.beginning)
        self._positions[topic] = bounds.beginning

    async def _record(self, code: str, topic: str, sequence: int | None, position: int) -> None:
        place, now = self.places[topic], self._clock()
        await record_fault(self._store, code, topic, place, sequence=sequence, position=position, now=now)

    async def retry_for(self, grants: Sequence[Grant]) -> int:
        """Look again at the records that wait for one of `grants`; returns how many."""
        return await self._retry(grants=grants)

    async def retry_due(self) -> int:
        """Look again at the records that were held until now; returns how many."""
        return await self._retry()

    async def retry_all(self) -> int:
        """Look again at every pending record, after documents or keys changed; returns how many."""
        return await self._retry(everything=True)

    async def _retry(self, *, grants: Sequence[Grant] = (), everything: bool = False) -> int:
        retried = await retry_pending(
            self._store, self._judge, clock=self._clock, grants=grants, everything=everything, reads=self._reads
        )
        if retried:
            await self._pause()
        return retried

    async def _pause(self) -> None:
        """Pause the streams of originators with too many pending records, until some of them are decided."""
        pending = await self._store.read(pending_records.counts_by_originator)
        paused = frozenset(name for name, count in pending.items() if count >= WAITING_PER_ORIGINATOR_MAX)
        for name in paused - self._paused:
            log.error("originator_paused", originator=name, waiting=pending[name])
        self._paused = paused
