"""Collects due outcomes and seals them as receipts in the own `receipts` stream; the relay sends them.

- Outcomes are collected until nothing changed for QUIET_MS, and for WAIT_MS_MAX at most: one receipt reports many
  batches, and few batches are reported twice.
- One transaction stores the batch and marks its outcomes as sealed. It compares the old head. After a crash before it
  the outcomes are collected again; after a later crash the same bytes are sent again.
- Receipts are never reported in receipts, so an idle exchange falls silent.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import structlog

from broker.log import Log
from broker.streams import RECEIPTS
from node.database.engine import Store, Transaction
from node.sealing.seal import RandomSource, Signer, open_type_leaf, seal_batch
from node.sending.own_records import OwnRecords
from node.sending.sealing_stops import foreign_records, refuse_foreign, usable_heads
from node.stages import SealedBatch, StreamHead
from node.store import outbox, receipts_to_seal
from node.store.receipts_to_seal import DueOutcomes
from node.verification.judge import Judge
from node.verification.own_work import check_own_work
from node.verification.receipt_bytes import bodies
from schemas.avro import codec
from schemas.types import MessageType

log = structlog.get_logger()

QUIET_MS: Final = 200  # a batch that arrives in parts is reported once
WAIT_MS_MAX: Final = 5_000  # the longest wait for a receipt while this node reads a backlog
NOT_READ_SECONDS: Final = 0.5  # until the own streams are looked at again
BATCHES_IN_STEP_MAX: Final = 960  # one receipt each at most, so that all are leaves of one batch


@dataclass(slots=True, kw_only=True)
class ReceiptSealer:
    """The path of one node's receipts to its outbox."""

    store: Store
    bus: Log
    signer: Signer
    judge: Callable[[], Judge]
    topic: str
    """Of the own `receipts` stream."""

    clock: Callable[[], int]
    random: RandomSource
    own_records: OwnRecords
    may_seal: Callable[[int], Awaitable[bool]] | None = None
    """Asked with the time before sealing: whether the own streams agree with the log. None: they do."""

    silenced: bool = False
    """The NODE document does not list the stream, and a warning was logged."""

    async def step(self) -> float | None:
        """Seal the due outcomes if they were collected long enough.

        Returns the seconds until the next step; None if nothing is due. Receipts wait for the log, as drafts do.
        Raises LogUnavailable or Unavailable; nothing is lost then.
        """
        judge, now = self.judge(), self.clock()
        allowed = judge.governance.may_write(judge.node, RECEIPTS, now)
        if not allowed:
            if await self.store.read(receipts_to_seal.is_due):
                await self._park()
            return None
        times = await self.store.read(receipts_to_seal.due_times)
        if times is None:
            return None
        since, changed_at = times
        if (left := _left(since, changed_at, now)) > 0:
            return left / 1000
        if self.may_seal is not None and not await self.may_seal(now):
            return NOT_READ_SECONDS
        await self.bus.bounds([self.topic])
        await self._seal(judge, now)
        return 0

    async def _park(self) -> None:
        """Keep the due outcomes until the NODE document lets this node write the stream."""
        batches = await self.store.write(receipts_to_seal.park)
        if not self.silenced:
            log.warning("receipts_not_allowed", batches=batches)
        self.silenced = True

    async def _seal(self, judge: Judge, now: int) -> None:
        due, heads = await self.store.read(
            lambda db: (receipts_to_seal.due(db, BATCHES_IN_STEP_MAX), outbox.heads(db)),
        )
        if not due:  # another process of this node has sealed them
            return
        usable = await usable_heads(self.store, judge.node, heads, now)
        batch = self._batch(due, usable.get(RECEIPTS, StreamHead()), now)
        verified = check_own_work([batch], judge)

        def store(db: Transaction) -> None:
            outbox.store_batches(db, heads, [batch])
            refuse_foreign(foreign_records(db, judge.node))
            receipts_to_seal.mark_sealed(db, due)

        try:
            await self.store.write(store)
        except outbox.HeadMoved:
            log.warning("head_moved")
        else:
            self.own_records.add(verified, {})

    def _batch(self, due: list[DueOutcomes], head: StreamHead, now: int) -> SealedBatch:
        """One leaf for each stream, or for each 240 batches of a stream."""
        by_stream = groupby(sorted(due, key=_stream_of), key=_stream_of)
        leaves = [
            open_type_leaf(MessageType.RECEIPT, codec.encode(body), message_id=self.random(16))
            for (originator, stream), group in by_stream
            for body in bodies(originator, stream, [(batch.hash, batch.outcomes) for batch in group])
        ]
        return seal_batch(leaves, stream=RECEIPTS, head=head, sealed_at=now, signer=self.signer)


def _stream_of(batch: DueOutcomes) -> tuple[str, str]:
    return batch.originator, batch.stream


def _left(since: int, changed_at: int, now: int) -> int:
    """How many ms to go on collecting; 0 if the clock went back."""
    if now < since or now < changed_at:
        return 0
    return min(changed_at + QUIET_MS, since + WAIT_MS_MAX) - now
