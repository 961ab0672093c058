"""The receipts that other nodes sent about this node's batches.

Of one recipient's receipts about a batch, the one with the highest sequence counts, and the last RECEIPTS_OF_BATCH_MAX
are kept. So a recipient takes a limited room for each batch that this node sealed for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, func, select

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.receipt_tables import receipt
from node.database.statements import change, rows_for

RECEIPTS_OF_BATCH_MAX: Final = 16  # of one recipient: an outcome changes a few times at most

_KEEP: Final = Upsert(receipt, lambda insert: insert.on_conflict_do_nothing())
_HERE: Final = (
    receipt.c.batch.in_(bindparam("batches", expanding=True)),
    receipt.c.recipient == bindparam("recipient"),
)
_MANY: Final = select(receipt.c.batch).where(*_HERE).group_by(receipt.c.batch).having(func.count() > bindparam("most"))
_SEQUENCES: Final = (
    select(receipt.c.sequence)
    .where(receipt.c.batch == bindparam("batch"), receipt.c.recipient == bindparam("recipient"))
    .order_by(receipt.c.sequence.desc())
)
_DROP: Final = delete(receipt).where(
    receipt.c.batch == bindparam("of"), receipt.c.recipient == bindparam("by"), receipt.c.sequence == bindparam("at")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedOutcomes:
    """The outcomes of the leaves of one own batch at one recipient, and when its receipt was sealed."""

    batch: bytes
    recipient: str
    sequence: int
    """Of the receipt, in the `receipts` stream of the recipient."""

    outcomes: bytes
    sealed_at: int


def add(db: Transaction, rows: Sequence[ReceivedOutcomes], now: int) -> None:
    """Keep received outcomes; drop the oldest ones above the limit."""
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
    for recipient in {row.recipient for row in rows}:
        batches = [row.batch for row in rows if row.recipient == recipient]
        for found in rows_for(db, _MANY, {"batches": batches, "recipient": recipient, "most": RECEIPTS_OF_BATCH_MAX}):
            _drop_oldest(db, found.batch, recipient)


def _drop_oldest(db: Transaction, batch: bytes, recipient: str) -> None:
    kept = rows_for(db, _SEQUENCES, {"batch": batch, "recipient": recipient})
    gone = [{"of": batch, "by": recipient, "at": row.sequence} for row in kept[RECEIPTS_OF_BATCH_MAX:]]
    change(db, _DROP, gone)


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
