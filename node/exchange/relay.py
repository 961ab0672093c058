"""Brings accepted drafts to the log: seals them, and sends what is sealed.

- Drafts are sealed only while the log answers; sealed bytes are sent again until it has them.
- What was sealed is verified as readers do, before it is stored (node/verification/own_work.py).
- One transaction stores batches, sealed bytes and new heads. It compares the old heads, so that two relays never fork
  a stream.
- After a crash before that transaction the drafts are encrypted again. After a crash behind it the same bytes are
  sent again, and readers drop what is repeated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from broker.log import Log
from broker.streams import KEYS
from node.database.engine import Store, Transaction
from node.exchange.addressed_drafts import AddressedDraft, address_drafts
from node.exchange.seal_drafts import DraftSealer, SealedDrafts
from node.sealing.seal import RandomSource, Signer
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

    async def step(self) -> int:
        """Send what is sealed; if the log answers, seal the drafts and send them. Returns the number of records sent.

        Raises LogUnavailable or Unavailable; nothing is lost then.
        """
        sent = await self.send()
        while await self._has_drafts_and_log() and await self.seal():
            sent += await self.send()
        return sent

    async def _has_drafts_and_log(self) -> bool:
        if not await self.store.read(lambda db: own_reports.unsealed(db, 1)):
            return False
        await self.bus.bounds([self.topic_of(KEYS)])
        return True

    async def seal(self) -> int:
        """Seal the oldest drafts, at most DRAFTS_IN_BATCH_MAX; returns how many."""
        judge = self.judge()
        sealer, drafts, earlier = await self.store.read(lambda db: self._addressed(db, judge))
        if not drafts:
            return 0
        result = sealer.seal(drafts, earlier)
        check_own_work(result.batches, judge)
        try:
            await self.store.write(lambda db: _put(db, sealer, drafts, result))
        except outbox.HeadMoved:
            log.warning("head_moved")
        return len(drafts)

    def _addressed(
        self, db: Transaction, judge: Judge
    ) -> tuple[DraftSealer, list[AddressedDraft], dict[bytes, OwnGrant]]:
        """The oldest drafts with their audiences, the newest grants of these, and what seals them."""
        rows = own_reports.unsealed(db, DRAFTS_IN_BATCH_MAX)
        heads = outbox.heads(db)
        reports = [codec.decode(IntelligenceReport, row.payload) for row in rows]
        # One time for all: the clock, but not before a head or a report, as the clock may have gone back.
        earliest = [*(head.sealed_at for head in heads.values()), *(report.created_at for report in reports)]
        now = max([self.clock(), *earliest])
        drafts = address_drafts(rows, reports, originator=judge.node, governance=judge.governance, now=now)
        earlier = own_grants.newest(db, {draft.audience_hash for draft in drafts})
        return DraftSealer(signer=self.signer, judge=judge, heads=heads, now=now, random=self.random), drafts, earlier

    async def send(self) -> int:
        """Append every sealed record that is not acknowledged, in sequence order; returns how many."""
        sent = 0
        streams = await self.store.read(outbox.streams_to_send)
        for stream in streams:
            while True:
                rows = await self.store.read(partial(outbox.unacknowledged, stream=stream, limit=APPEND_RECORDS_MAX))
                if not rows:
                    break
                await self.bus.append(self.topic_of(stream), [value for _, value in rows])
                first, last = rows[0][0], rows[-1][0]
                await self.store.write(partial(outbox.acknowledge, stream=stream, first=first, last=last))
                sent += len(rows)
        return sent


def _put(db: Transaction, sealer: DraftSealer, drafts: Sequence[AddressedDraft], result: SealedDrafts) -> None:
    """Store batches, sealed bytes, grants and heads, and note which drafts are sealed. Raises HeadMoved."""
    outbox.store_batches(db, sealer.heads, result.batches)
    own_grants.put(db, result.grants)
    own_reports.mark_sealed(db, result.sealed)
    own_batches.put(db, result.sealed_batches(drafts))
    subjects = [(draft.report.report_id, " ".join(draft.admitted)) for draft in drafts if draft.admitted]
    access_log.add(db, Operation.DISCLOSURE, actor=sealer.judge.node, subjects=subjects, now=sealer.now)
