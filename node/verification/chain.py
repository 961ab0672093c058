"""Steps 8 to 10: the place of a record in its stream.

Pure. A `StreamView` holds the part of one stream that the records at hand touch; a service loads it from a store.
Placing a record changes the view, and the view collects what has to be written.

Rules ("Verification, in this order"):
 8. The same batch and leaf is a duplicate. Another batch that overlaps it or has the same `previous` is equivocation.
 9. If `previous` is here, first_sequence = its first_sequence + size and sealed_at is not lower, else `chain_invalid`.
    If `previous` is not here, there is a gap before the batch. Only a batch that fits both ends closes the gap.
10. A message id is new for this originator and stream.
A batch that step 8 or 9 rejects takes no place. A leaf that step 10 rejects takes its place and does not use up its id.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from node.errors import Rejected
from node.stages import Verified


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
    """The open gaps of the stream have to be computed again."""

    reused_id: Rejected | None = None
    """The rejection of step 10; the leaf keeps its place."""


@dataclass(slots=True)
class StreamView:
    """The part of one stream that the records at hand touch."""

    links: dict[bytes, Link]
    used_ids: dict[bytes, int]
    """Message id -> sequence, for the ids of the records at hand that were used before."""

    highest: int = 0
    """Highest sequence that has a place; 0 if no record of the stream is here."""

    changed: dict[bytes, Link] = field(default_factory=dict)
    new_ids: dict[bytes, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, links: Iterable[Link] = (), *, used_ids: dict[bytes, int] | None = None, highest: int = 0
    ) -> "StreamView":
        """A view of these links."""
        return cls({link.hash: link for link in links}, dict(used_ids or {}), highest)

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
        jumped = sequence > self.highest + 1 or not link.linked
        self.highest = max(self.highest, sequence)
        return Placed(
            out_of_order=late,
            gaps_changed=late or jumped,
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
        check_no_equivocation(link, self.links.values())
        link.linked = check_continues(link, self.links.get(link.previous))
        for after in self.links.values():
            if after.previous == link.hash and after.first == link.end and after.sealed_at >= link.sealed_at:
                after.linked = True
                self.changed[after.hash] = after
        self.links[link.hash] = link
        return link

    def use_message_id(self, message_id: bytes, sequence: int) -> Rejected | None:
        """Step 10: note the id of a message. Returns the rejection if an earlier message of this stream has the id."""
        if message_id in self.used_ids:  # step 10
            return id_reused(self.used_ids[message_id])
        self.used_ids[message_id] = self.new_ids[message_id] = sequence
        return None


def check_no_equivocation(link: Link, others: Iterable[Link]) -> None:
    """Step 8: no other batch covers a sequence of `link` or names the same predecessor."""
    for other in others:
        if other.first < link.end and link.first < other.end:
            raise Rejected("equivocation", f"another batch covers the sequences {other.first} to {other.end - 1}")
        if other.previous == link.previous:
            raise Rejected("equivocation", f"the batch at sequence {other.first} names the same predecessor")


def check_continues(link: Link, before: Link | None) -> bool:
    """Step 9: whether `link` continues `before`, the batch that it names. False if that batch is not here: a gap."""
    if link.first == 1:
        return True
    if before is None:
        return False
    if link.first != before.end or link.sealed_at < before.sealed_at:
        raise Rejected("chain_invalid", f"the batch does not continue its predecessor, which ends at {before.end - 1}")
    return True


def id_reused(sequence: int) -> Rejected:
    """The rejection of step 10: the message at `sequence` has the id."""
    return Rejected("message_id_reused", f"the message at sequence {sequence} has this id")
