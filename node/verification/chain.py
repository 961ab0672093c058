"""Steps 8 to 10: the place of a record in its stream, from what came before.

Pure. A `StreamView` holds what is known of one stream around the records at hand. Ingest loads it from the store, and
so does replay, from a temporary one. Placing a record changes the view, and the view collects what has to be written.

Rules ("Verification, in this order"):
 8. same batch and leaf is a duplicate; another batch that overlaps it, or with the same `previous`, is equivocation.
 9. if `previous` is here: first_sequence = last first_sequence + size, and sealed_at not lower, else `chain_invalid`.
    If it is not here the batch stands behind a gap, which only a batch that fits both ends closes.
10. a message id is new for this originator and stream.
A batch refused in 8 or 9 takes no place; a leaf refused in 10 takes its place and uses up no id.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from node.errors import Rejected
from node.stages import Verified


@dataclass(slots=True, kw_only=True)
class Link:
    """One batch as the chain knows it. Mutable: leaves arrive, and a late predecessor may link it."""

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
        """Linked, and every leaf here: no gap begins at or in this batch."""
        return self.linked and self.arrived == (1 << self.size) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a record stands."""

    duplicate: bool = False
    out_of_order: bool = False
    """A record with a higher sequence was here before."""

    gaps_changed: bool = False
    """The stream's open gaps have to be worked out again."""

    reused_id: Rejected | None = None
    """Step 10 refused the leaf; it keeps its place."""


@dataclass(slots=True)
class StreamView:
    """What is known of one stream around the records at hand."""

    links: dict[bytes, Link]
    used_ids: dict[bytes, int]
    """Message id -> sequence, of those ids that the records at hand carry."""

    highest: int = 0
    """Highest sequence that has a place; 0 for a stream of which nothing is here."""

    changed: dict[bytes, Link] = field(default_factory=dict)
    new_ids: dict[bytes, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, links: Iterable[Link] = (), *, used_ids: dict[bytes, int] | None = None, highest: int = 0
    ) -> "StreamView":
        """A view made of the links at hand."""
        return cls({link.hash: link for link in links}, dict(used_ids or {}), highest)

    def place(self, record: Verified) -> Placed:
        """Give `record` its place, or say that it has it already.

        Raises Rejected with `equivocation` or `chain_invalid`; nothing of such a batch is kept.
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
        """Step 10: note the id of a message; returns the refusal if an earlier message of this stream has it."""
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
    """Step 9: `link` continues `before`, the batch that it names; False if that is not here, so that a gap is open."""
    if link.first == 1:
        return True
    if before is None:
        return False
    if link.first != before.end or link.sealed_at < before.sealed_at:
        raise Rejected("chain_invalid", f"the batch does not continue its predecessor, which ends at {before.end - 1}")
    return True


def id_reused(sequence: int) -> Rejected:
    """Step 10 refuses a leaf, as the message at `sequence` has its id."""
    return Rejected("message_id_reused", f"the message at sequence {sequence} has this id")
