"""Grants that wait for a private key of this node: when it is there, the node owes their originator another outcome."""

from typing import Final

from sqlalchemy import bindparam, select

from broker.streams import KEYS
from node.database.engine import Transaction
from node.database.receipt_tables import batch_outcome
from node.database.statements import rows_for
from node.database.stream_tables import link
from node.stages import StreamId
from node.store.receipts_due import BatchOutcomes
from node.verification.receipt_bytes import STORED, WAITING

_BATCH: Final = (
    select(link.c.hash, link.c.first, link.c.size)
    .where(
        link.c.originator == bindparam("originator"),
        link.c.stream == bindparam("stream"),
        link.c.first <= bindparam("sequence"),
    )
    .order_by(link.c.first.desc())
    .limit(1)
)
_OUTCOMES: Final = select(batch_outcome.c.outcomes).where(
    batch_outcome.c.originator == bindparam("originator"),
    batch_outcome.c.stream == bindparam("stream"),
    batch_outcome.c.hash == bindparam("hash"),
)


def outcome_stored(db: Transaction, originator: str, sequence: int) -> BatchOutcomes | None:
    """The outcome `stored` for a grant that waited for its private key; None if it does not wait."""
    here = {"originator": originator, "stream": KEYS}
    for batch in rows_for(db, _BATCH, here | {"sequence": sequence}):
        leaf = sequence - batch.first
        for row in rows_for(db, _OUTCOMES, here | {"hash": batch.hash}):
            if leaf < batch.size and row.outcomes[leaf] == WAITING:
                place = StreamId(stream=KEYS, originator=originator)
                return BatchOutcomes(place=place, hash=batch.hash, size=batch.size, outcomes={leaf: STORED})
    return None
