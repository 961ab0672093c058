"""Looks into the store for what this node has to send, and for the drafts that it has to seal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from broker.streams import KEYS
from node.database.engine import Transaction
from node.exchange.acknowledgements import Acknowledgements, Ranges
from node.stages import StreamHead
from node.store import outbox, own_reports
from node.store.own_reports import UnsealedDraft

DRAFTS_IN_BATCH_MAX: Final = 256  # they share one signature and one transaction
APPEND_RECORDS_MAX: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """Sealed bytes of one own stream for one append, from sequence `first` on."""

    stream: str
    first: int
    values: Sequence[bytes]

    @property
    def last(self) -> int:
        """The sequence of the last one."""
        return self.first + len(self.values) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What one look at the store found."""

    unsent: Sequence[Unsent]
    drafts: Sequence[UnsealedDraft]
    """The oldest that are not sealed; none while something is unsent."""

    heads: Mapping[str, StreamHead]
    """Of the own streams."""

    unrecorded: Ranges
    """Acknowledgements that are to be recorded now."""


def look(db: Transaction, acknowledged: Acknowledgements, now: int) -> Outgoing:
    """What there is to do, from one state of the store."""
    heads = outbox.heads(db)
    unsent = _unsent(db, heads, acknowledged)
    drafts = [] if unsent else own_reports.unsealed(db, DRAFTS_IN_BATCH_MAX)
    return Outgoing(unsent=unsent, drafts=drafts, heads=heads, unrecorded=acknowledged.due(now))


def _unsent(db: Transaction, heads: Mapping[str, StreamHead], acknowledged: Acknowledgements) -> list[Unsent]:
    """The oldest sealed bytes of each own stream that the log has not acknowledged, in the order to send them.

    `keys` is first, so that a grant is in the log before the messages that it opens.
    """
    unsent = []
    for stream, head in sorted(heads.items(), key=lambda item: (item[0] != KEYS, item[0])):
        sent = acknowledged.last(stream)
        if sent == head.next_sequence - 1:
            continue
        rows = outbox.unacknowledged(db, stream, APPEND_RECORDS_MAX, after=sent)
        if rows:
            unsent.append(Unsent(stream=stream, first=rows[0][0], values=[value for _, value in rows]))
        else:
            acknowledged.skip(stream, head.next_sequence - 1)
    return unsent
