"""Steps 8 to 10: the place of a record in its stream, from what came before.

Pure. A `StreamView` holds what is known of one stream around the records at hand; a service loads it from a store,
replay keeps it in memory. It mutates itself as records are placed and says what has to be written.

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
            reused_id=self._use_id(record.header.message_id, sequence),
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
        for other in self.links.values():  # step 8
            if other.first < link.end and link.first < other.end:
                raise Rejected("equivocation", f"another batch covers the sequences {other.first} to {other.end - 1}")
            if other.previous == link.previous:
                raise Rejected("equivocation", f"the batch at sequence {other.first} names the same predecessor")
        if link.first == 1:  # step 9
            link.linked = True
        elif (before := self.links.get(link.previous)) is not None:
            if link.first != before.end or link.sealed_at < before.sealed_at:
                raise Rejected(
                    "chain_invalid", f"the batch does not continue its predecessor, which ends at {before.end - 1}"
                )
            link.linked = True
        for after in self.links.values():
            if after.previous == link.hash and after.first == link.end and after.sealed_at >= link.sealed_at:
                after.linked = True
                self.changed[after.hash] = after
        self.links[link.hash] = link
        return link

    def _use_id(self, message_id: bytes, sequence: int) -> Rejected | None:
        if message_id in self.used_ids:  # step 10
            return id_reused(self.used_ids[message_id])
        self.used_ids[message_id] = self.new_ids[message_id] = sequence
        return None


def id_reused(sequence: int) -> Rejected:
    """Step 10 refuses a leaf, as the message at `sequence` has its id."""
    return Rejected("message_id_reused", f"the message at sequence {sequence} has this id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Sequences that are missing, or (first == last + 1) two neighbours that do not fit each other."""

    first: int
    last: int

    @property
    def code(self) -> str:
        """A stream that begins after its first record lost its head; every other gap is one in the chain."""
        return "head_truncated" if self.first == 1 else "chain_gap"


def open_gaps(links: Iterable[tuple[Link, int]], highest: int) -> list[Gap]:
    """The gaps of a stream below `highest`, in order.

    `links` are the links that are not whole, each with the sequence at which the link before it ends (1 for none).
    """
    gaps: list[Gap] = []
    for link, before in sorted(links, key=lambda pair: pair[0].first):
        if not link.linked:
            gaps.append(Gap(first=min(before, link.first), last=link.first - 1))
        start: int | None = None
        for sequence in range(link.first, min(link.end, highest + 1)):
            missing = not link.arrived >> (sequence - link.first) & 1
            if missing and start is None:
                start = sequence
            elif not missing and start is not None:
                gaps.append(Gap(first=start, last=sequence - 1))
                start = None
        if start is not None:
            gaps.append(Gap(first=start, last=min(link.end, highest + 1) - 1))
    return _joined(gaps)


def _joined(gaps: list[Gap]) -> list[Gap]:
    out: list[Gap] = []
    for gap in gaps:
        if out and gap.last >= gap.first == out[-1].last + 1 and out[-1].last >= out[-1].first:
            out[-1] = Gap(first=out[-1].first, last=gap.last)
        else:
            out.append(gap)
    return out
