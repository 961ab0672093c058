"""Collects what is to be told in receipts and seals it in the node's own `receipts` stream; the relay sends it.

Collected until nothing changes for a moment, so that one receipt tells of many batches and of none twice; never for
long. Sealing is one transaction that compares the old head and clears what it told: a crash before it collects anew,
after it the same bytes are sent again. Nothing is ever told of receipts, so an idle exchange falls silent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import structlog

from broker.log import Log
from broker.streams import RECEIPTS
from node.sealing.seal import (
    RandomSource,
    Signer,
    open_type_leaf,
    seal_batch,
)
from node.stages import SealedBatch, StreamHead
from node.store import outbox, receipts_due
from node.store.engine import Store
from node.verification.judge import Judge
from node.verification.own_work import check_own_work
from node.verification.receipt_bytes import bodies
from schemas.avro import codec
from schemas.types import MessageType

log = structlog.get_logger()

QUIET_MS: Final = 200  # nothing changed for so long: a batch that arrives in parts is told of once
WAIT_MS_MAX: Final = 5_000  # but nobody waits longer for a receipt while this node takes in a backlog
BATCHES_IN_STEP_MAX: Final = 960  # at most one receipt each, so that all are leaves of one batch


@dataclass(slots=True, kw_only=True)
class Receipting:
    """The way of one node's receipts to its outbox."""

    store: Store
    bus: Log
    signer: Signer
    judge: Callable[[], Judge]
    topic: str
    """Of the own `receipts` stream."""

    clock: Callable[[], int]
    random: RandomSource
    silenced: bool = False
    """The NODE document does not list the stream, and that was said."""

    async def step(self) -> float | None:
        """Seal what is due and has been collected long enough; returns in how many seconds to come again, if at all.

        Raises LogUnavailable, as receipts wait for the log like drafts, or Unavailable; nothing is lost then.
        """
        judge, now = self.judge(), self.clock()
        allowed = judge.governance.may_write(judge.node, RECEIPTS, now)
        async with self.store.read() as db:
            pressing = await receipts_due.pressing(db, parked=allowed)
        if pressing is None:
            return None
        if not allowed:
            await self._park()
            return None
        since, changed_at = pressing
        if (left := _left(since, changed_at, now)) > 0:
            return left / 1000
        await self.bus.bounds([self.topic])
        await self._seal(judge, now)
        return 0

    async def _park(self) -> None:
        """Keep what is due until the document lets this node write the stream."""
        async with self.store.write() as db:
            batches = await receipts_due.park(db)
        if not self.silenced:
            log.warning("receipts_not_allowed", batches=batches)
        self.silenced = True

    async def _seal(self, judge: Judge, now: int) -> None:
        async with self.store.read() as db:
            rows = await receipts_due.due(db, BATCHES_IN_STEP_MAX)
            heads = await outbox.heads(db)
        if not rows:  # another process of this node was quicker
            return
        batch = self._batch(rows, heads.get(RECEIPTS, StreamHead()), now)
        check_own_work([batch], judge)
        try:
            async with self.store.write() as db:
                await outbox.store_batches(db, heads, [batch])
                await receipts_due.told(db, rows)
        except outbox.HeadMoved:
            log.warning("head_moved")

    def _batch(self, rows: list[receipts_due.Due], head: StreamHead, now: int) -> SealedBatch:
        """A leaf for each stream told of, or for each 240 batches of it."""
        by_stream = groupby(sorted(rows, key=_stream_of), key=_stream_of)
        leaves = [
            open_type_leaf(MessageType.RECEIPT, codec.encode(body), message_id=self.random(16))
            for (originator, stream), some in by_stream
            for body in bodies(originator, stream, [(row.hash, row.outcomes) for row in some])
        ]
        return seal_batch(leaves, stream=RECEIPTS, head=head, sealed_at=now, signer=self.signer)


def _stream_of(row: receipts_due.Due) -> tuple[str, str]:
    return row.originator, row.stream


def _left(since: int, changed_at: int, now: int) -> int:
    """How many ms to go on collecting; none if the clock went back."""
    if now < since or now < changed_at:
        return 0
    return min(changed_at + QUIET_MS, since + WAIT_MS_MAX) - now
