"""Writes what an ingest changes about receipts: outcomes that this node owes, and receipts that it received.

Part of the transaction of `ingest`. node/verification/receipt_bytes.py has the bytes; `seal_receipts` seals them.
A receipt counts only from a recipient of the batch, and only if the batch is this node's own.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from node.database.engine import Transaction
from node.sending import rejections
from node.stages import Decision, Grant, StreamId, Verified
from node.store import counters, own_batches, receipts_due, receipts_received, waiting_grants
from node.store.own_batches import OwnBatch
from node.store.receipts_due import BatchOutcomes
from node.store.receipts_received import ReceivedOutcomes
from node.verification.judge import Judge
from node.verification.receipt_bytes import claims_entry, gets_receipt, meaning, outcome_of
from schemas.types import Receipt, ReceiptItem

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedRecord:
    """A record past step 7 with its decision, and the grant that it names, if that is here."""

    record: Verified
    decision: Decision
    grant: Grant | None
    waited: bool = False
    """The record waited until now, perhaps for the private key that its grant waits for too."""


def write_due(db: Transaction, judge: Judge, decided: Iterable[DecidedRecord], now: int) -> None:
    """Write the outcomes that this node owes to other originators."""
    batches: dict[tuple[str, str, bytes], BatchOutcomes] = {}
    unwrapped: set[tuple[str, int]] = set()
    for item in decided:
        record, grant = item.record, item.grant
        if not gets_receipt(record, judge.node):
            continue
        byte = outcome_of(record, item.decision, grant=grant, node=judge.node, holds=judge.holds)
        if byte is None:
            continue
        place = StreamId(stream=record.batch.stream, originator=record.batch.originator)
        batch = BatchOutcomes(place=place, hash=record.batch_hash, size=record.batch.size)
        batches.setdefault(batch.key, batch).outcomes[record.sealed.index] = byte
        if item.waited and grant is not None and item.decision.opened is not None:
            unwrapped.add((grant.originator, grant.sequence))
    for originator, sequence in unwrapped:
        if (waiting := waiting_grants.outcome_stored(db, originator, sequence)) is not None:
            batches.setdefault(waiting.key, waiting).outcomes |= waiting.outcomes
    receipts_due.put_outcomes(db, list(batches.values()), now)


def write_received(db: Transaction, node: str, records: Iterable[Verified], now: int) -> None:
    """Keep the outcomes of this node's batches that verified receipts of other nodes report."""
    ignored = 0
    for record in records:
        receipt = record.receipt
        if receipt is None or receipt.originator != node or record.batch.originator == node:
            continue
        own = StreamId(stream=receipt.stream, originator=node)
        known = own_batches.by_hash(db, own, [item.batch for item in receipt.items])
        counting = [item for item in receipt.items if _counts(item, known.get(item.batch), record.batch.originator)]
        receipts_received.add(db, [_received(record, item) for item in counting], now)
        wrong = [item for item in receipt.items if item not in counting and _is_wrong(item, known.get(item.batch))]
        ignored += len(wrong)
        reported = [(known[item.batch].first, item.outcomes) for item in counting]
        rejections.note(db, record.batch.originator, receipt.stream, reported, now)
        _log(record, receipt, reported, len(wrong))
    counters.increase(db, {"receipt_ignored": ignored})


def _counts(item: ReceiptItem, own: OwnBatch | None, recipient: str) -> bool:
    if own is None or len(item.outcomes) != own.size:
        return False
    return own.recipients is None or recipient in own.recipients


def _is_wrong(item: ReceiptItem, own: OwnBatch | None) -> bool:
    """Whether an item that does not count is a fault.

    It is not if its sender did not have the grant yet, and so could not know that the batch is for others.
    """
    return own is None or len(item.outcomes) != own.size or claims_entry(item.outcomes)


def _received(record: Verified, item: ReceiptItem) -> ReceivedOutcomes:
    return ReceivedOutcomes(
        batch=item.batch,
        recipient=record.batch.originator,
        sequence=record.sequence,
        outcomes=item.outcomes,
        sealed_at=record.batch.sealed_at,
    )


def _log(record: Verified, receipt: Receipt, counting: list[tuple[int, bytes]], ignored: int) -> None:
    """Log ignored items, and the first rejection in each batch; `receipts_received` has all of them."""
    recipient = record.batch.originator
    if ignored:
        log.warning("receipt_ignored", recipient=recipient, stream=receipt.stream, sequence=record.sequence)
    for first, outcomes in counting:
        for leaf, byte in enumerate(outcomes):
            outcome, step = meaning(byte)
            if outcome == "rejected":
                log.warning(
                    "rejection_reported", recipient=recipient, stream=receipt.stream, sequence=first + leaf, step=step
                )
                break
