"""Brings accepted drafts to the log: seals them, and sends what is sealed.

- Drafts are sealed only while the log answers; sealed bytes are sent again until it has them.
- What was sealed is verified as readers do, before it is stored (node/verification/own_work.py).
- A draft that cannot be sealed is set aside (obstacles.py). If no draft of this node can, because of its documents, all
  wait.
- One transaction stores batches, sealed bytes and new heads. It compares the old heads, so that two relays never fork
  a stream.
- A record in an own stream that this node did not send stops everything until an operator decides (sealing_stops.py).
- After a crash before that transaction the drafts are encrypted again. After a later crash the same bytes are
  sent again, and readers drop what is repeated.
- A step reads the store once, and writes once for each batch. A full batch is followed by another look. What is
  accepted during a step is a commit, after which the daemon calls the next step.
- Sealed bytes are appended as they were sealed; those of an earlier process, or of receipts, are read from the outbox
  first, so each stream is sent in order.
- Acknowledgements are recorded with the next batch, or within a second (acknowledgements.py).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from broker.log import Log
from broker.streams import KEYS, intel_stream
from node.database.engine import Store
from node.sealing.seal import RandomSource, Signer
from node.sending.acknowledgements import Acknowledgements, Ranges, kept, record
from node.sending.addressed_drafts import address_drafts, from_now
from node.sending.faults import Faults
from node.sending.obstacles import OBSTACLES
from node.sending.outgoing import DRAFTS_IN_BATCH_MAX, GrantMemory, Outgoing, Unsent, look
from node.sending.own_records import OwnRecords
from node.sending.seal_drafts import DraftSealer
from node.sending.sealing_stops import refuse_foreign, usable_heads
from node.sending.send import Sender
from node.sending.set_drafts_aside import set_drafts_aside
from node.sending.write_sealed import write_sealed
from node.store import outbox, own_grants
from node.store.own_reports import UnsealedDraft
from node.verification.judge import Judge
from node.verification.own_work import SealingRefused, check_own_key, check_own_work

log = structlog.get_logger()

REFUSED = "sealing_refused"


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
    grants: GrantMemory = field(init=False)
    may_seal: Callable[[int], Awaitable[bool]] | None = None
    """Asked with the time before sealing: whether the own streams agree with the log. None: they do."""

    faults: Faults = field(init=False)
    sender: Sender = field(init=False)

    def __post_init__(self) -> None:
        """Remember the grants of this store."""
        self.grants = GrantMemory(self.store)
        self.faults = Faults(store=self.store, clock=self.clock)
        self.sender = Sender(
            topic_of=self.topic_of, clock=self.clock, acknowledged=self.acknowledged, faults=self.faults
        )

    async def step(self) -> int:
        """Send what is sealed; if the log answers, seal the drafts and send them. Returns the number of records sent.

        A stream that the log refuses stops no other. Raises LogUnavailable or Unavailable; nothing is lost then.
        """
        try:
            return await self._step()
        except SealingRefused as error:
            await self.faults.note(REFUSED, self.signer.originator, error.message)
            raise

    async def _step(self) -> int:
        sent = 0
        while True:
            seen = await self.look()
            if seen.foreign:
                if not await self._may_seal():  # a store that is older than the log is the better reason
                    return sent
                refuse_foreign(seen.foreign)
            if seen.unsent:
                sent += await self.sender.send(self.bus, seen.unsent)
            elif seen.drafts and not await self._may_seal():
                return sent
            elif seen.drafts:
                await self.sender.ask(self.bus)
                sealed = await self.seal(seen)
                sent += await self.sender.send(self.bus, sealed)
                all_sealed = len(seen.drafts) == sum(len(part.values) for part in sealed if part.stream != KEYS)
                if sealed and all_sealed and len(seen.drafts) < DRAFTS_IN_BATCH_MAX and self._has_all(sealed):
                    return sent
            else:
                await self._record(seen.unrecorded)
                await self.sender.settle()
                return sent

    async def look(self) -> Outgoing:
        """What there is to do, from one state of the store."""
        now, resting, node = self.clock(), self.sender.resting(), self.signer.originator
        work = partial(look, acknowledged=self.acknowledged, now=now, node=node, resting=resting)
        return await self.store.read(work)

    async def seal(self, seen: Outgoing) -> list[Unsent]:
        """Seal the drafts and store the sealed bytes; returns these; none if another process has sealed meanwhile."""
        judge, clock = self.judge(), self.clock()
        heads = await usable_heads(self.store, self.signer.originator, seen.heads, clock)
        rows = [from_now(row, clock) for row in seen.drafts]
        # One time for all: the clock, but not before a head or a report, as the clock may have gone back a little.
        earliest = [*(head.sealed_at for head in heads.values()), *(row.created_at for row in rows)]
        now = max([clock, *earliest])
        check_own_key(judge, now)
        rows = await self._listed(rows, judge, now)
        if not rows:
            return []
        sealer = DraftSealer(signer=self.signer, judge=judge, heads=heads, now=now, random=self.random)
        try:
            drafts = address_drafts(rows, originator=judge.node, governance=judge.governance, now=now)
            earlier = await self.grants.of({draft.audience_hash for draft in drafts})
            result = sealer.seal(drafts, earlier)
            verified = check_own_work(result.batches, judge)
        except (*OBSTACLES, SealingRefused) as error:
            await set_drafts_aside(self.store, rows, sealer, error)
            return []
        drafts = [draft for draft in drafts if draft.row.id in result.sealed]
        try:
            await self.store.write(lambda db: write_sealed(db, seen, sealer, drafts, result))
        except own_grants.GrantForgotten:
            self.grants.forget()
            return []
        except outbox.HeadMoved:
            log.warning("head_moved")
            return []
        await self.faults.end(REFUSED, [judge.node, *(self.topic_of(batch.stream) for batch in result.batches)])
        self.grants.add(result.grants)
        self.acknowledged.recorded(seen.unrecorded)
        self.own_records.add(verified, result.contents)
        for draft in (draft for draft in drafts if draft.missed):
            log.warning("audience_narrowed", report_id=draft.row.report_id, recipients=" ".join(draft.missed))
        return [
            Unsent(stream=batch.stream, first=batch.first_sequence, values=batch.values) for batch in result.batches
        ]

    async def record_acknowledgements(self) -> None:
        """Record at once what the log has acknowledged, before the node ends. Raises Unavailable."""
        await self._record(dict(self.acknowledged.unrecorded))

    def wait_seconds(self) -> float | None:
        """How long the next step may wait if nothing happens; None if it may wait for ever."""
        waits = [self.acknowledged.wait_ms(self.clock()), self.sender.wait_ms()]
        wait = min((wait for wait in waits if wait is not None), default=None)
        return None if wait is None else wait / 1000

    async def _may_seal(self) -> bool:
        """Whether own streams agree with the log. Raises Unavailable `head_behind`."""
        return self.may_seal is None or await self.may_seal(self.clock())

    async def _listed(self, rows: Sequence[UnsealedDraft], judge: Judge, now: int) -> list[UnsealedDraft]:
        """The drafts of the streams that the own NODE document lists; the other streams rest."""
        streams = {intel_stream(row.region) for row in rows}
        refused = {stream for stream in streams if not judge.governance.may_write(judge.node, stream, now)}
        for stream in sorted(refused):
            if not self.sender.rest(stream):
                log.error("stream_not_listed", stream=stream)
            reason = f"the NODE document of {judge.node} does not list {stream}"
            await self.faults.note(REFUSED, self.topic_of(stream), reason)
        return [row for row in rows if intel_stream(row.region) not in refused]

    def _has_all(self, sealed: Sequence[Unsent]) -> bool:
        """Whether the log has acknowledged all of it."""
        return all(self.acknowledged.last(part.stream) >= part.last for part in sealed)

    async def _record(self, ranges: Ranges) -> None:
        """Record acknowledgements; those of records that were read back need no transaction."""
        if not ranges:
            return
        if left := await self.store.read(partial(kept, ranges=ranges)):
            await self.store.write(partial(record, ranges=left))
        self.acknowledged.recorded(ranges)
