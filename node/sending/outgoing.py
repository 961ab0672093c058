"""Reads what the relay needs from the store: sealed bytes to send, drafts to seal, and the newest own grants.

A grant is never changed, and the log has it before the messages that name it, so grants are remembered. If another
process of the node makes a newer one for the same audience, or the log lost grants, what was sealed is not written,
and it is sealed again (node/store/own_grants.py).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from broker.streams import CHECKPOINTS, KEYS, is_intel, region_of
from node.database.engine import Store, Transaction
from node.sending.acknowledgements import Acknowledgements, Ranges
from node.sending.sealing_stops import foreign_records
from node.stages import StreamHead
from node.store import outbox, own_grants, own_reports
from node.store.own_grants import OwnGrant
from node.store.own_reports import UnsealedDraft
from node.store.stream_findings import StreamFinding

DRAFTS_IN_BATCH_MAX: Final = 256  # they share one signature and one transaction
APPEND_RECORDS_MAX: Final = 512
GRANTS_REMEMBERED_MAX: Final = 64  # of about 10 KB for 60 recipients
FIRST: Final[Mapping[str, int]] = {CHECKPOINTS: 0, KEYS: 1}


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

    foreign: Sequence[StreamFinding]
    """Findings about records in own streams that this node did not send; nothing is sealed or sent then."""

    heads: Mapping[str, StreamHead]
    """Of the own streams."""

    unrecorded: Ranges
    """Acknowledgements that are to be recorded now."""


def look(
    db: Transaction, acknowledged: Acknowledgements, now: int, node: str, resting: frozenset[str] = frozenset()
) -> Outgoing:
    """What there is to do, from one state of the store, without the own streams that rest.

    Reports need their grants, so while `keys` rests, there are neither drafts nor records of `intel` streams.
    """
    heads = outbox.heads(db)
    tried = {stream: head for stream, head in heads.items() if not _rests(stream, resting)}
    unsent = _unsent(db, tried, acknowledged)
    without = [region_of(stream) for stream in resting if is_intel(stream)]
    drafts = [] if unsent or KEYS in resting else own_reports.unsealed(db, DRAFTS_IN_BATCH_MAX, without, now=now)
    foreign = foreign_records(db, node) if unsent or drafts else []
    return Outgoing(unsent=unsent, drafts=drafts, foreign=foreign, heads=heads, unrecorded=acknowledged.due(now))


def _rests(stream: str, resting: frozenset[str]) -> bool:
    return stream in resting or (KEYS in resting and is_intel(stream))


def _unsent(db: Transaction, heads: Mapping[str, StreamHead], acknowledged: Acknowledgements) -> list[Unsent]:
    """The oldest sealed bytes of each own stream that the log has not acknowledged, in the order to send them.

    `checkpoints` is first, as it may correct the times of the others; then `keys`, so that a grant is in the log before
    the messages that it opens.
    """
    unsent = []
    for stream, head in sorted(heads.items(), key=lambda item: (FIRST.get(item[0], 2), item[0])):
        sent = acknowledged.last(stream)
        if sent == head.next_sequence - 1:
            continue
        rows = outbox.unacknowledged(db, stream, APPEND_RECORDS_MAX, after=sent)
        if rows:
            unsent.append(Unsent(stream=stream, first=rows[0][0], values=[value for _, value in rows]))
        else:
            acknowledged.skip(stream, head.next_sequence - 1)
    return unsent


class GrantMemory:
    """The grants that one process knows, by audience hash."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._grants: dict[bytes, OwnGrant] = {}

    async def of(self, audiences: Collection[bytes]) -> dict[bytes, OwnGrant]:
        """The newest known grant of each audience that has one. Raises Unavailable."""
        if unknown := [audience for audience in audiences if audience not in self._grants]:
            self.add(await self._store.read(partial(own_grants.newest, audiences=unknown)))
        return {audience: self._grants[audience] for audience in audiences if audience in self._grants}

    def add(self, grants: Mapping[bytes, OwnGrant]) -> None:
        """Remember grants that are in the store."""
        if len(self._grants) + len(grants) > GRANTS_REMEMBERED_MAX:
            self._grants.clear()
        self._grants.update(grants)

    def forget(self) -> None:
        """Read them from the store again."""
        self._grants.clear()
