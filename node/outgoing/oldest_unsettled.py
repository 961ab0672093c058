"""Since when the oldest own message waits in each state of the outbox. Reads a few rows of each own stream."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, select

from node.database.engine import Transaction
from node.database.outgoing_tables import draft, outgoing
from node.database.receipt_tables import own_batch
from node.database.statements import rows_for
from node.store import outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class OldestUnsettled:
    """When the oldest message of each state was accepted or sealed, in ms; None if there is none."""

    accepted: int | None
    """Not sealed, and not set aside."""

    sealed: int | None
    """The log has not acknowledged it."""

    sent: int | None
    """Acknowledged, and not read back."""


_ACCEPTED: Final = (
    select(draft.c.created_at)
    .where(draft.c.sequence.is_(None), draft.c.set_aside_at.is_(None))
    .order_by(draft.c.id)
    .limit(1)
)
_OUTGOING: Final = (
    select(outgoing.c.sequence)
    .where(outgoing.c.stream == bindparam("of"), outgoing.c.acknowledged == bindparam("state"))
    .order_by(outgoing.c.sequence)
    .limit(1)
)
_BATCH: Final = (
    select(own_batch.c.sealed_at)
    .where(own_batch.c.stream == bindparam("of"), own_batch.c.first <= bindparam("sequence"))
    .order_by(own_batch.c.first.desc())
    .limit(1)
)


def oldest_unsettled(db: Transaction) -> OldestUnsettled:
    """The times at this moment."""
    accepted = rows_for(db, _ACCEPTED, {})
    streams = outbox.heads(db)
    return OldestUnsettled(
        accepted=accepted[0].created_at if accepted else None,
        sealed=_oldest(db, streams, acknowledged=False),
        sent=_oldest(db, streams, acknowledged=True),
    )


def _oldest(db: Transaction, streams: Iterable[str], *, acknowledged: bool) -> int | None:
    """When the oldest batch with a record in this state was sealed. Each stream is sent in its order."""
    times = []
    for stream in streams:
        for row in rows_for(db, _OUTGOING, {"of": stream, "state": acknowledged}):
            times += [batch.sealed_at for batch in rows_for(db, _BATCH, {"of": stream, "sequence": row.sequence})]
    return min(times, default=None)
