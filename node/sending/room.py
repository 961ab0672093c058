"""Whether an own stream has room for further sealed records.

What was sealed stays in the outbox until it is read back from the log. A log that acknowledges records and does not
give them back must not fill the store, so nothing more of a stream is sealed while so many records of it are on their
way. Reports stay drafts then, and intake refuses when too many drafts wait (publish.py). Own users pay.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from broker.streams import RECEIPTS
from node.database.engine import Store, Transaction
from node.sending.relay import Relay
from node.sending.seal_receipts import ReceiptSealer
from node.store import outbox

OUTGOING_RECORDS_MAX: Final = 100_000  # of a stream; RECORD_SIZE_BYTES_MAX each
OUTGOING_RECEIPTS_MAX: Final = 10_000  # receipts of other originators' batches, so others can cause them
LOOK_MS: Final = 1_000  # how long an answer counts

MaySeal = Callable[[int], Awaitable[bool]]
"""Asked with the time in ms."""


@dataclass(slots=True, kw_only=True)
class Room:
    """The room of the streams that one sealer writes: those of reports and grants, or that of receipts."""

    store: Store
    of_receipts: bool
    before: MaySeal
    """Asked first."""

    _looked_at: int | None = None
    _left: bool = True

    async def may_seal(self, now: int) -> bool:
        """Whether further records may be sealed. Raises what `before` raises, and Unavailable."""
        if not await self.before(now):
            return False
        if self._looked_at is None or not 0 <= now - self._looked_at < LOOK_MS:
            self._left = await self.store.read(partial(has_room, of_receipts=self.of_receipts))
            self._looked_at = now
        return self._left


def has_room(db: Transaction, *, of_receipts: bool) -> bool:
    """Whether each stream of a sealer has fewer records on their way than it may have."""
    most = OUTGOING_RECEIPTS_MAX if of_receipts else OUTGOING_RECORDS_MAX
    on_their_way = outbox.on_their_way(db)
    return all(count < most for stream, count in on_their_way.items() if (stream == RECEIPTS) == of_receipts)


def ask_for_room(relay: Relay, receipt_sealer: ReceiptSealer, before: MaySeal) -> None:
    """Let both ask `before`, and then whether their streams have room."""
    relay.may_seal = Room(store=relay.store, of_receipts=False, before=before).may_seal
    receipt_sealer.may_seal = Room(store=receipt_sealer.store, of_receipts=True, before=before).may_seal
