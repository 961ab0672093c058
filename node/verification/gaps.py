"""Computes the gaps of a stream, which are its missing sequences, from the links of its chain. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from node.verification.chain import Link, StreamView

HEAD_TRUNCATED: Final = "head_truncated"
CHAIN_GAP: Final = "chain_gap"
CODES: Final = (HEAD_TRUNCATED, CHAIN_GAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Sequences that are missing, or (first == last + 1) two neighbours that do not fit each other."""

    first: int
    last: int

    @property
    def code(self) -> str:
        """`head_truncated` if the first record of the stream is missing, else `chain_gap`."""
        return HEAD_TRUNCATED if self.first == 1 else CHAIN_GAP


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The part of a stream between two records that have their place, and all gaps in it."""

    after: int
    """Sequence of the record before it; 0 if there is none."""

    before: int
    """Sequence of the record behind it; one above the highest sequence if there is none."""

    gaps: list[Gap]


def changed_stretches(view: StreamView) -> Iterator[Stretch]:
    """The gaps where placing records may have opened or closed one: in the batches that changed, and beside them.

    A gap is between two records that have their place, so it depends on no other batch of the stream.
    """
    links = view.in_order
    changed = [bisect_left(links, first, key=lambda link: link.first) for first in sorted(view.gaps_beside)]
    starts = [at for before, at in pairwise([-2, *changed]) if at != before + 1]
    ends = [at for at, behind in pairwise([*changed, len(links) + 1]) if behind != at + 1]
    for start, end in zip(starts, ends, strict=True):
        before = links[start - 1] if start else None
        behind = links[end + 1] if end + 1 < len(links) else None
        here = links[start : end + 1] if behind is None else links[start : end + 2]
        yield _stretch(before, here, behind, view.highest)


def _stretch(before: Link | None, here: list[Link], behind: Link | None, highest: int) -> Stretch:
    """The gaps in and between the batches `here`, from the last record of `before` to the first one of `behind`."""
    low = before.last_arrived if before else 0
    high = behind.first_arrived if behind else highest + 1
    part = [before, *here] if before else here
    begins = [before.first if before else 1, *(link.end for link in part)]
    pairs = [(link, begin) for link, begin in zip(part, begins, strict=False) if not link.is_whole]
    inside = [gap for gap in open_gaps(pairs, highest) if low < gap.first and gap.last < high]
    return Stretch(after=low, before=high, gaps=inside)


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
