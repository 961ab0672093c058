"""Grants that wait for a private key of this node: when it is there, the node owes their originator another outcome."""

from sqlalchemy import select

from broker.streams import KEYS
from node.database.engine import Transaction
from node.database.receipt_tables import batch_outcome
from node.database.stream_tables import link
from node.stages import StreamId
from node.store.receipts_due import BatchOutcomes
from node.verification.receipt_bytes import STORED, WAITING


def outcome_stored(db: Transaction, originator: str, sequence: int) -> BatchOutcomes | None:
    """The outcome `stored` for a grant that waited for its private key; None if it does not wait."""
    here = (link.c.originator == originator, link.c.stream == KEYS)
    row = db.execute(
        select(link.c.hash, link.c.first, link.c.size, batch_outcome.c.outcomes)
        .join(
            batch_outcome,
            (batch_outcome.c.originator == link.c.originator)
            & (batch_outcome.c.stream == link.c.stream)
            & (batch_outcome.c.hash == link.c.hash),
        )
        .where(*here, link.c.first <= sequence, link.c.first + link.c.size > sequence)
    ).first()
    if row is None or row.outcomes[sequence - row.first] != WAITING:
        return None
    place = StreamId(stream=KEYS, originator=originator)
    return BatchOutcomes(place=place, hash=row.hash, size=row.size, outcomes={sequence - row.first: STORED})
