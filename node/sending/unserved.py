"""Which parties of an audience may not have an own report that was sealed for them, as their receipts say.

A log that was lost may have lost the report before a party read it. Then the party sends no receipt, or says that the
report waits for its grant. A lost log may also have lost a receipt, so an operator names the parties.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from broker.streams import intel_stream
from node.database.engine import Transaction
from node.outgoing.own_copies import OwnCopy
from node.stages import StreamId
from node.store import own_batches, receipts_received
from node.verification.receipt_bytes import OUTSTANDING, meaning

RECEIPT_WAIT_MS_MAX: Final = 10 * 60 * 1000  # until then a receipt may be on its way
UNSETTLED: Final = frozenset({OUTSTANDING, "waiting"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """The parties without a receipt that settles a report."""

    late: frozenset[str]
    """The report was sealed for them a while ago, each time."""

    recent: frozenset[str]
    """The report was sealed for them a moment ago."""


def unserved(db: Transaction, node: str, copies: Sequence[OwnCopy], now: int) -> Unserved:
    """The parties for which `copies` of one report of `node` were sealed, at `now` (ms)."""
    settled, late, recent = set[str](), set[str](), set[str]()
    for copy in copies:
        place = StreamId(stream=intel_stream(copy.region), originator=node)
        batch = own_batches.at(db, place, copy.sequence) if copy.sequence is not None else None
        if copy.sequence is None or batch is None:
            continue
        (recent if now - batch.sealed_at < RECEIPT_WAIT_MS_MAX else late).update(copy.audience)
        last = {found.recipient: found.outcomes for found in receipts_received.of_batch(db, batch.hash)}
        outcomes = {party: meaning(said[copy.sequence - batch.first])[0] for party, said in last.items()}
        settled |= {party for party, outcome in outcomes.items() if outcome not in UNSETTLED}
    return Unserved(late=frozenset(late - recent - settled), recent=frozenset(recent - settled))
