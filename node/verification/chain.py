"""Steps 8 to 10: the place of a record in its stream.

Pure. A `StreamView` holds the part of one stream that the records at hand touch; a service loads it from a store.
Placing a record changes the view, and the view collects what has to be written.

Rules ("Verification, in this order"):
 8. The same batch and leaf is a duplicate. Another batch that overlaps it or has the same `previous` is equivocation.
 9. If `previous` is here, first_sequence = its first_sequence + size and sealed_at is not lower, else `chain_invalid`.
    If `previous` is not here, there is a gap before the batch. Only a batch that fits both ends closes the gap.
    A checkpoint of the originator may date `previous` earlier (clock_corrections.py).
10. A message id is new for this originator and stream.
A batch that step 8 or 9 rejects takes no place. A leaf that step 10 rejects takes its place and does not use up its id.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from node.errors import Rejected
from node.stages import Verified
from node.verification.clock_corrections import dated

_FIRST: Final = attrgetter("first")


@dataclass(slots=True, kw_only=True)
class Link:
    """One batch in the chain. Mutable: further leaves arrive, and a late predecessor may link it."""

    first: int
    size: int
    hash: bytes
    previous: bytes
    sealed_at: int
    arrived: int = 0
    """Bit i is set when leaf i took its place."""

    linked: bool = False
    """Its predecessor is here and fits, or it is the first batch of the stream."""

    is_new: bool = False
    """Not yet in the store."""

    @property
    def end(self) -> int:
        """First sequence after this batch."""
        return self.first + self.size

    @property
    def first_arrived(self) -> int:
        """The lowest sequence of its leaves that took their place."""
        return self.first + (self.arrived & -self.arrived).bit_length() - 1

    @property
    def last_arrived(self) -> int:
        """The highest sequence of its leaves that took their place."""
        return self.first + self.arrived.bit_length() - 1

    @property
    def is_whole(self) -> bool:
        """Linked, and every leaf is here: there is no gap before this batch or in it."""
        return self.linked and self.arrived == (1 << self.size) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The result of placing a record."""

    duplicate: bool = False
    out_of_order: bool = False
    """A record with a higher sequence arrived before."""

    gaps_changed: bool = False
    """The open gaps beside the batch of the record have to be computed again."""

    reused_id: Rejected | None = None
    """The rejection of step 10; the leaf keeps its place."""


@dataclass(slots=True)
class StreamView:
    """The part of one stream that the records at hand touch, with the neighbours of their batches."""

    links: dict[bytes, Link]
    used_ids: dict[bytes, int]
    """Message id -> sequence, for the ids of the records at hand that were used before."""

    highest: int = 0
    """Highest sequence that has a place; 0 if no record of the stream is here."""

    changed: dict[bytes, Link] = field(default_factory=dict)
    new_ids: dict[bytes, int] = field(default_factory=dict)
    gaps_beside: set[int] = field(default_factory=set)
    """The first sequences of the batches beside or in which gaps may have opened or closed (gaps.py)."""

    in_order: list[Link] = field(default_factory=list)
    """All of `links`, by sequence. They do not overlap."""

    corrected: dict[bytes, int] = field(default_factory=dict)  # hash of a batch -> its time by a checkpoint
    _after: dict[bytes, Link] = field(default_factory=dict)
    """Hash of a batch -> the batch that names it as `previous`."""

    @classmethod
    def of(
        cls, links: Iterable[Link] = (), *, used_ids: dict[bytes, int] | None = None, highest: int = 0
    ) -> "StreamView":
        """A view of these links."""
        view = cls({link.hash: link for link in links}, dict(used_ids or {}), highest)
        view.in_order = sorted(view.links.values(), key=_FIRST)
        view._after = {link.previous: link for link in view.in_order}
        return view

    def place(self, record: Verified) -> Placed:
        """Give `record` its place, or return that it is a duplicate.

        Raises Rejected with `equivocation` or `chain_invalid`; the view keeps nothing of such a batch.
        """
        link = self.links.get(record.batch_hash)
        bit = 1 << record.sealed.index
        if link is not None and link.arrived & bit:
            return Placed(duplicate=True)
        if link is None:
            link = self._new_link(record)
        link.arrived |= bit
        self.changed[link.hash] = link

        sequence = record.sequence
        late = sequence < self.highest
        gaps_changed = late or sequence > self.highest + 1 or not link.linked
        if gaps_changed:
            self.gaps_beside.add(link.first)
        self.highest = max(self.highest, sequence)
        return Placed(
            out_of_order=late,
            gaps_changed=gaps_changed,
            reused_id=self.use_message_id(record.header.message_id, sequence),
        )

    def _new_link(self, record: Verified) -> Link:
        batch = record.batch
        link = Link(
            first=batch.first_sequence,
            size=batch.size,
            hash=record.batch_hash,
            previous=batch.previous,
            sealed_at=batch.sealed_at,
            is_new=True,
        )
        check_no_equivocation(link, self._last_before(link.end), self._after.get(link.previous))
        link.linked = check_continues(link, self.links.get(link.previous), self.corrected)
        after = self._after.get(link.hash)
        if after is not None and after.first == link.end and after.sealed_at >= dated(link, self.corrected):
            after.linked = True
            self.changed[after.hash] = after
        self.links[link.hash] = self._after[link.previous] = link
        insort(self.in_order, link, key=_FIRST)
        return link

    def _last_before(self, end: int) -> Link | None:
        """The last batch that begins before the sequence `end`."""
        found = bisect_left(self.in_order, end, key=_FIRST)
        return self.in_order[found - 1] if found else None

    def use_message_id(self, message_id: bytes, sequence: int) -> Rejected | None:
        """Step 10: note the id of a message. Returns the rejection if an earlier message of this stream has the id."""
        if message_id in self.used_ids:  # step 10
            return id_reused(self.used_ids[message_id])
        self.used_ids[message_id] = self.new_ids[message_id] = sequence
        return None


def check_no_equivocation(link: Link, last_before_end: Link | None, sibling: Link | None) -> None:
    """Step 8: no other batch covers a sequence of `link` or names the same predecessor, as `sibling` does.

    The batches that have a place do not overlap. So if one of them covers a sequence of `link`, then the last one that
    begins before the end of `link` does.
    """
    if last_before_end is not None and last_before_end.end > link.first:
        covered = f"{last_before_end.first} to {last_before_end.end - 1}"
        raise Rejected("equivocation", f"another batch covers the sequences {covered}")
    if sibling is not None:
        raise Rejected("equivocation", f"the batch at sequence {sibling.first} names the same predecessor")


def check_continues(link: Link, before: Link | None, corrected: Mapping[bytes, int]) -> bool:
    """Step 9: whether `link` continues `before`, the batch that it names. False if that batch is not here: a gap."""
    if link.first == 1:
        return True
    if before is None:
        return False
    if link.first != before.end or link.sealed_at < dated(before, corrected):
        raise Rejected("chain_invalid", f"the batch does not continue its predecessor, which ends at {before.end - 1}")
    return True


def id_reused(sequence: int) -> Rejected:
    """The rejection of step 10: the message at `sequence` has the id."""
    return Rejected("message_id_reused", f"the message at sequence {sequence} has this id")
