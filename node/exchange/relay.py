"""Brings accepted drafts to the log: seals them, and sends what is sealed.

- Drafts are sealed only while the log answers; sealed bytes are sent again until it has them.
- What was sealed is verified as readers do, before it is stored (node/verification/own_work.py).
- One transaction stores batches, sealed bytes and new heads. It compares the old heads, so that two relays never fork
  a stream.
- After a crash before that transaction the drafts are encrypted again. After a later crash the same bytes are
  sent again, and readers drop what is repeated.
- A step reads the store once, and writes once for each batch. Sealed bytes are appended as they were sealed; those of
  an earlier process, or of receipts, are read from the outbox first, so each stream is sent in order.
- Acknowledgements are recorded with the next batch, or within a second (acknowledgements.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from broker.log import Log
from broker.streams import KEYS
from node.database.engine import Store, Transaction
from node.exchange.acknowledgements import Acknowledgements, Ranges, kept, record
from node.exchange.addressed_drafts import AddressedDraft, address_drafts
from node.exchange.own_records import OwnRecords
from node.exchange.seal_drafts import DraftSealer, SealedDrafts
from node.sealing.seal import RandomSource, Signer
from node.stages import StreamHead
from node.store import access_log, outbox, own_batches, own_grants, own_reports
from node.store.access_log import Operation
from node.store.own_grants import OwnGrant
from node.verification.judge import Judge
from node.verification.own_work import check_own_work
from schemas.avro import codec
from schemas.types import IntelligenceReport

log = structlog.get_logger()

DRAFTS_IN_BATCH_MAX: Final = 256  # they share one signature and one transaction
APPEND_RECORDS_MAX: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """Sealed bytes of one own stream for one append, from sequence `first` on."""

    stream: str
    first: int
    values: Sequence[bytes]

    @property
    def last(self) -> int:
        """The sequence of the last one."""
        return self.first + len(self.values) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What one look at the store found."""

    unsent: Sequence[Unsent]
    drafts: Sequence[AddressedDraft]
    """The oldest that are not sealed; none while something is unsent."""

    earlier: Mapping[bytes, OwnGrant]
    """The newest grants of their audiences, by audience hash."""

    sealer: DraftSealer
    unrecorded: Ranges
    """Acknowledgements that are to be recorded now."""


@dataclass(slots=True, kw_only=True)
class Relay:
    """The path of one node's drafts to the log."""

    store: Store
    bus: Log
    signer: Signer
    judge: Callable[[], Judge]
    topic_of: Callable[[str], str]
    """Own stream -> topic."""

    clock: Callable[[], int]
    random: RandomSource

    own_records: OwnRecords
    acknowledged: Acknowledgements = field(default_factory=Acknowledgements)

    async def step(self) -> int:
        """Send what is sealed; if the log answers, seal the drafts and send them. Returns the number of records sent.

        Raises LogUnavailable or Unavailable; nothing is lost then.
        """
        sent = 0
        while True:
            seen = await self.look()
            if seen.unsent:
                sent += await self._send(seen.unsent)
            elif seen.drafts:
                await self.bus.bounds([self.topic_of(KEYS)])
                sent += await self._send(await self.seal(seen))
            else:
                await self._record(seen.unrecorded)
                return sent

    async def look(self) -> Outgoing:
        """What there is to do, from one state of the store."""
        judge, now = self.judge(), self.clock()
        return await self.store.read(lambda db: self._look(db, judge, now))

    async def seal(self, seen: Outgoing) -> list[Unsent]:
        """Seal the drafts and store the sealed bytes; returns these; none if another process has sealed meanwhile."""
        result = seen.sealer.seal(seen.drafts, seen.earlier)
        verified = check_own_work(result.batches, seen.sealer.judge)
        try:
            await self.store.write(lambda db: _put(db, seen, result))
        except outbox.HeadMoved:
            log.warning("head_moved")
            return []
        self.acknowledged.recorded(seen.unrecorded)
        self.own_records.add(verified, result.contents)
        return [
            Unsent(stream=batch.stream, first=batch.first_sequence, values=batch.values) for batch in result.batches
        ]

    async def record_acknowledgements(self) -> None:
        """Record at once what the log has acknowledged, before the node ends. Raises Unavailable."""
        await self._record(dict(self.acknowledged.unrecorded))

    def wait_seconds(self) -> float | None:
        """How long the next step may wait if nothing happens; None if it may wait for ever."""
        wait = self.acknowledged.wait_ms(self.clock())
        return None if wait is None else wait / 1000

    def _look(self, db: Transaction, judge: Judge, now: int) -> Outgoing:
        heads = outbox.heads(db)
        unsent = self._unsent(db, heads)
        rows = [] if unsent else own_reports.unsealed(db, DRAFTS_IN_BATCH_MAX)
        reports = [codec.decode(IntelligenceReport, row.payload) for row in rows]
        # One time for all: the clock, but not before a head or a report, as the clock may have gone back.
        earliest = [*(head.sealed_at for head in heads.values()), *(report.created_at for report in reports)]
        sealed_at = max([now, *earliest])
        drafts = address_drafts(rows, reports, originator=judge.node, governance=judge.governance, now=sealed_at)
        return Outgoing(
            unsent=unsent,
            drafts=drafts,
            earlier=own_grants.newest(db, {draft.audience_hash for draft in drafts}) if drafts else {},
            sealer=DraftSealer(signer=self.signer, judge=judge, heads=heads, now=sealed_at, random=self.random),
            unrecorded=self.acknowledged.due(now),
        )

    def _unsent(self, db: Transaction, heads: Mapping[str, StreamHead]) -> list[Unsent]:
        """The oldest sealed bytes of each own stream that the log has not acknowledged, in the order to send them.

        `keys` is first, so that a grant is in the log before the messages that it opens.
        """
        unsent = []
        for stream, head in sorted(heads.items(), key=lambda item: (item[0] != KEYS, item[0])):
            sent = self.acknowledged.last(stream)
            if sent == head.next_sequence - 1:
                continue
            rows = outbox.unacknowledged(db, stream, APPEND_RECORDS_MAX, after=sent)
            if rows:
                unsent.append(Unsent(stream=stream, first=rows[0][0], values=[value for _, value in rows]))
            else:
                self.acknowledged.skip(stream, head.next_sequence - 1)
        return unsent

    async def _send(self, unsent: Sequence[Unsent]) -> int:
        """Append records to their streams; returns how many. A part that is too large for one append stays unsent."""
        sent = 0
        for part in unsent:
            if sum(map(len, part.values)) > outbox.OUTGOING_BYTES_MAX and len(part.values) > 1:
                break
            await self.bus.append(self.topic_of(part.stream), part.values)
            self.acknowledged.add(part.stream, part.first, part.last, self.clock())
            sent += len(part.values)
        return sent

    async def _record(self, ranges: Ranges) -> None:
        """Record acknowledgements; those of records that were read back need no transaction."""
        if not ranges:
            return
        if left := await self.store.read(partial(kept, ranges=ranges)):
            await self.store.write(partial(record, ranges=left))
        self.acknowledged.recorded(ranges)


def _put(db: Transaction, seen: Outgoing, result: SealedDrafts) -> None:
    """Store batches, sealed bytes, grants and heads, and note which drafts are sealed. Raises HeadMoved."""
    drafts, sealer = seen.drafts, seen.sealer
    record(db, seen.unrecorded)
    outbox.store_batches(db, sealer.heads, result.batches)
    own_grants.put(db, result.grants)
    own_reports.mark_sealed(db, result.sealed)
    own_batches.put(db, result.sealed_batches(drafts))
    subjects = [(draft.report.report_id, " ".join(draft.admitted)) for draft in drafts if draft.admitted]
    access_log.add(db, Operation.DISCLOSURE, actor=sealer.judge.node, subjects=subjects, now=sealer.now)
