"""Computes the gaps of a stream, which are its missing sequences, from the links of its chain. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from node.verification.chain import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Sequences that are missing, or (first == last + 1) two neighbours that do not fit each other."""

    first: int
    last: int

    @property
    def code(self) -> str:
        """`head_truncated` if the first record of the stream is missing, else `chain_gap`."""
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
