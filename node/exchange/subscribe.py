"""Reads the log and hands the records to `ingest`; looks again at records that had to wait.

- Positions come from the store; the log keeps none. After a transaction that failed they are read from it again.
- A fault of one stream does not stop the others. A fault that cannot pass unnoticed becomes a finding.
- Any exception is raised to the daemon, which waits and repeats while log or store are away, and ends at a bug.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from broker.log import Fault, Fetched, Log
from node.database.engine import Store
from node.exchange.arrival import Arrival, arrivals_of
from node.exchange.gathering import Gathering, rank
from node.exchange.ingest_portions import ingest_portions
from node.exchange.log_faults import LogFaults
from node.exchange.log_identity import TopicIdentity
from node.exchange.pausing import Pausing
from node.exchange.reread import Rereader
from node.exchange.retry import RECORDS_IN_TRANSACTION_MAX, retry_corrected, retry_curable, retry_pending
from node.sending.own_records import OwnRecords
from node.stages import StreamId
from node.store import read_positions
from node.verification.judge import Judge
from node.verification.new_grants import ArrivedGrant

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
        self.reads = reads
        self._positions: dict[str, int] = {}
        self._known: set[str] = set()  # topics of which a record was ingested
        self._pausing = Pausing(store, clock, reads, lambda: judge().node)
        self._faults = LogFaults(store, self.places, clock, lambda: judge().node)
        self.rereader = Rereader(store=store, bus=bus, judge=judge, places=self.places, clock=clock)
        self.rereader.may_read = self._pausing.reads
        self._gathering = Gathering()
        self._identity = TopicIdentity()
        self._retry_at_start, self._uncertain = True, False  # uncertain: a transaction failed, or there are more topics

    async def start(self) -> None:
        """Load the positions from the store."""
        self._gathering.clear()
        stored = await self._store.read(read_positions.next_positions)
        self._known = set(stored)
        # Grants first: a log answers in this order, and the backlog of reports would have to wait for them.
        topics = sorted(self.places, key=lambda topic: rank(self.places[topic].stream))
        self._positions = {topic: stored.get(topic, 0) for topic in topics}
        marks = await self._store.read(read_positions.marks)
        self._identity.load({topic: mark for topic, mark in marks.items() if topic in self.places})
        await self._faults.start()
        await self._pausing.look()

    def read_also(self, places: Mapping[str, StreamId]) -> None:
        """Read further topics too, from the next step on."""
        if places.keys() - self.places.keys():
            self.places.update(places)
            self._uncertain = True

    async def step(self, wait_seconds: float, *, gather_ms: int = 0) -> int:
        """Fetch once, waiting up to `wait_seconds` for the first record, and ingest; returns the number of records.

        What this process sealed itself may wait for `gather_ms` until it is ingested, together with what follows.
        """
        if self._uncertain:
            await self.start()
            self._uncertain, self._retry_at_start = False, True
        if self._retry_at_start:  # a crash may have come between a grant and the records that waited for it
            await self.retry_all()
            self._retry_at_start = False
        wanted = {
            topic: position for topic, position in self._positions.items() if self._pausing.reads(self.places[topic])
        }
        left = self._gathering.left_ms(gather_ms, self._clock())
        wait = wait_seconds if left is None else min(wait_seconds, left / 1000)
        if not self.rereader.is_done:
            wait = 0
        try:
            wanted |= await self._compare(wanted)
            fetched = await self.bus.fetch(wanted, records_max=RECORDS_IN_TRANSACTION_MAX, wait_seconds=wait)
            count = self._take(fetched)
            if any(_moves_on(part) for part in fetched):
                gather_ms = 0
            if self._gathering.left_ms(gather_ms, self._clock()) == 0:
                await self.ingest_gathered()
        except BaseException:
            self._uncertain = True
            raise
        await self._faults.settle(self.bus, fetched, self._positions, self._known)
        return count + await self._reread()

    async def _compare(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """Compare what is due with the log; returns where to go on in the topics that were made anew."""
        now = self._clock()
        if not (marks := self._identity.due(wanted, now)):
            return {}
        await self.ingest_gathered()
        replaced = await self._faults.replaced(self.bus, marks)
        self._positions |= replaced
        self._identity.compared(marks, replaced, now)
        return replaced

    def _take(self, fetched: Sequence[Fetched]) -> int:
        """Gather what was fetched; returns the number of records."""
        arrivals: list[Arrival] = []
        positions: dict[str, int] = {}
        # Grants first, so that the messages that they open need not wait for them.
        for part in sorted(fetched, key=lambda part: rank(self.places[part.topic].stream)):
            arrivals += arrivals_of(part, self.places[part.topic], self._own_records)
            if part.entries:
                positions[part.topic] = part.after or part.entries[-1].position + 1
        if arrivals:
            self._gathering.add(arrivals, positions, self._clock())
            self._positions |= positions
        return len(arrivals)

    async def ingest_gathered(self) -> None:
        """Ingest the records that are gathered. After Unavailable the next step begins with what the store has."""
        arrivals, positions = self._gathering.arrivals, self._gathering.positions
        if not arrivals or self._uncertain:
            return
        new_grants = await ingest_portions(self._store, self._judge, arrivals, positions=positions, clock=self._clock)
        self._gathering.clear()
        self._known |= positions.keys()
        self._identity.ingested(arrivals)
        for arrival in arrivals:
            if arrival.own is not None:
                self._own_records.forget(arrival.place, arrival.value)
        if corrected := {arrival.place.originator for arrival in arrivals if arrival.corrects}:
            await retry_corrected(self._store, self._judge, corrected, clock=self._clock)
        if new_grants:
            await self.retry_for(new_grants)
        await self._pausing.after(arrivals)

    async def _reread(self) -> int:
        """Read a part of what was deferred again, after everything that was gathered."""
        if self.rereader.is_done:
            return 0
        await self.ingest_gathered()
        return await self.rereader.step()

    async def retry_for(self, grants: Sequence[ArrivedGrant]) -> int:
        """Look again at the records that wait for one of `grants`; returns how many."""
        return await self._retry(grants=grants)

    async def retry_due(self) -> int:
        """Look again at the records that were held until now, and at what is paused; returns how many records."""
        if self._pausing.is_any:
            await self._pausing.look()
        return await self._retry()

    async def retry_all(self) -> int:
        """Look again at every pending record, after documents or keys changed; returns how many.

        So are the refused records that a document may have made valid, and deferred positions; those take turns with
        new records in the next steps.
        """
        retried = await self._retry(everything=True)
        await retry_curable(self._store, self._judge, clock=self._clock, reads=self.reads)
        await self.rereader.start()
        return retried

    async def _retry(self, *, grants: Sequence[ArrivedGrant] = (), everything: bool = False) -> int:
        retried = await retry_pending(
            self._store, self._judge, clock=self._clock, grants=grants, everything=everything, reads=self.reads
        )
        if retried:
            await self._pausing.look()
        return retried


def _moves_on(part: Fetched) -> bool:
    """Whether reading goes on at a position that does not follow from the records: store what is gathered before."""
    return part.fault is Fault.OUT_OF_RANGE or (part.after is not None and not part.entries)
