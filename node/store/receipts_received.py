"""The receipts that other nodes sent about this node's batches.

All are kept. Of one recipient's receipts about a batch, the one with the highest sequence counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.receipt_tables import receipt
from node.database.statements import change

_KEEP: Final = Upsert(receipt, lambda insert: insert.on_conflict_do_nothing())


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedOutcomes:
    """The outcomes of the leaves of one own batch at one recipient, and when its receipt was sealed."""

    batch: bytes
    recipient: str
    sequence: int
    """Of the receipt, in the `receipts` stream of the recipient."""

    outcomes: bytes
    sealed_at: int


def add(db: Transaction, rows: Iterable[ReceivedOutcomes], now: int) -> None:
    """Keep received outcomes; nothing is replaced."""
    values = [
        {
            "batch": row.batch,
            "recipient": row.recipient,
            "sequence": row.sequence,
            "outcomes": row.outcomes,
            "sealed_at": row.sealed_at,
            "received_at": now,
        }
        for row in rows
    ]
    change(db, _KEEP, values)


def of_batch(db: Transaction, batch: bytes) -> list[ReceivedOutcomes]:
    """All that was received about a batch, by recipient, the latest last."""
    rows = db.execute(select(receipt).where(receipt.c.batch == batch).order_by(receipt.c.recipient, receipt.c.sequence))
    return [
        ReceivedOutcomes(
            batch=row.batch,
            recipient=row.recipient,
            sequence=row.sequence,
            outcomes=row.outcomes,
            sealed_at=row.sealed_at,
        )
        for row in rows
    ]
