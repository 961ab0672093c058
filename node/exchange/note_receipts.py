"""What ingest writes about receipts, in its own transaction: outcomes that this node owes, receipts that it got.

Which byte an outcome is says `receipts`; sending what is owed is `receipting`. A receipt counts only from a recipient
of the batch and only about a batch of this node: every other is somebody else's, or nobody's.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from node.stages import Decision, Grant, StreamId, Verified
from node.store import counters, receipts_received
from node.store import receipts_due as owed
from node.verification.judge import Judge
from node.verification.receipt_bytes import (
    claims_entry,
    is_told,
    meaning,
    outcome_of,
)
from schemas.types import Receipt, ReceiptItem

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A decision about a record past step 7, and the grant that the record names, if it is here."""

    record: Verified
    decision: Decision
    grant: Grant | None
    waited: bool = False
    """The record waited until now: perhaps for the private key that its grant waits for too."""


async def note(db: AsyncConnection, judge: Judge, reached: Iterable[Reached], now: int) -> None:
    """Write the outcomes that are owed to other originators."""
    noted: dict[tuple[str, str, bytes], owed.Noted] = {}
    unwrapped: set[tuple[str, int]] = set()
    for one in reached:
        record = one.record
        if not is_told(record, judge.node):
            continue
        byte = outcome_of(record, one.decision, grant=one.grant, node=judge.node, holds=judge.holds)
        if byte is None:
            continue
        place = StreamId(stream=record.batch.stream, originator=record.batch.originator)
        batch = owed.Noted(place=place, hash=record.batch_hash, size=record.batch.size)
        noted.setdefault(batch.key, batch).outcomes[record.sealed.index] = byte
        if one.waited and one.grant is not None and one.decision.opened is not None:
            unwrapped.add((one.grant.originator, one.grant.sequence))
    for originator, sequence in unwrapped:
        if (grant := await owed.waiting_grant(db, originator, sequence)) is not None:
            noted.setdefault(grant.key, grant).outcomes |= grant.outcomes
    await owed.note_outcomes(db, list(noted.values()), now)


async def take(db: AsyncConnection, node: str, records: Iterable[Verified], now: int) -> None:
    """Keep what verified receipts of others tell of this node's batches."""
    ignored = 0
    for record in records:
        told = record.receipt
        if told is None or told.originator != node or record.batch.originator == node:
            continue
        own = StreamId(stream=told.stream, originator=node)
        known = await receipts_received.own_batches(db, own, [item.batch for item in told.items])
        counting = [item for item in told.items if _counts(item, known.get(item.batch), record.batch.originator)]
        await receipts_received.add_received(db, [_received(record, item) for item in counting], now)
        wrong = [item for item in told.items if item not in counting and _is_wrong(item, known.get(item.batch))]
        ignored += len(wrong)
        _tell(record, told, [(known[item.batch].first, item.outcomes) for item in counting], len(wrong))
    await counters.increase(db, {"receipt_ignored": ignored})


def _counts(item: ReceiptItem, own: receipts_received.OwnBatch | None, recipient: str) -> bool:
    if own is None or len(item.outcomes) != own.size:
        return False
    return own.recipients is None or recipient in own.recipients


def _is_wrong(item: ReceiptItem, own: receipts_received.OwnBatch | None) -> bool:
    """Whether what does not count is more than the word of one who waits for a grant that is not for it."""
    return own is None or len(item.outcomes) != own.size or claims_entry(item.outcomes)


def _received(record: Verified, item: ReceiptItem) -> receipts_received.Received:
    return receipts_received.Received(
        batch=item.batch,
        recipient=record.batch.originator,
        sequence=record.sequence,
        outcomes=item.outcomes,
        sealed_at=record.batch.sealed_at,
    )


def _tell(record: Verified, told: Receipt, counting: list[tuple[int, bytes]], ignored: int) -> None:
    recipient = record.batch.originator
    if ignored:
        log.warning("receipt_ignored", recipient=recipient, stream=told.stream, sequence=record.sequence)
    for first, outcomes in counting:
        for leaf, byte in enumerate(outcomes):
            outcome, step = meaning(byte)
            if outcome == "rejected":  # one is enough to look at; `receipts ID` shows each
                log.warning(
                    "rejection_reported", recipient=recipient, stream=told.stream, sequence=first + leaf, step=step
                )
                break
