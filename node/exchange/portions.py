"""Divides records into portions that one transaction decides about and stores. Pure.

A report of a quarter of a megabyte can have 25,000 identifiers. While it is decided about, its objects need sixty times
its bytes, and its rows take a tenth of a second. So a transaction has a limit in bytes, beside that in records.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.exchange.arrival import Arrival

BYTES_IN_TRANSACTION_MAX: Final = 2 * 1024 * 1024  # a thousand short reports, or eight of the longest


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """Records of one transaction."""

    arrivals: Sequence[Arrival]
    positions: dict[str, int]
    """Topic -> where to go on reading once they are stored."""


def portions(arrivals: Sequence[Arrival], positions: Mapping[str, int]) -> Iterator[Portion]:
    """The arrivals, in their order, in portions of `BYTES_IN_TRANSACTION_MAX` or of one record.

    `positions` are where to go on after all of them; if it is empty, the records were read before.
    """
    last = {arrival.topic: index for index, arrival in enumerate(arrivals)} if positions else {}
    start = size = 0
    for index, arrival in enumerate(arrivals):
        length = len(arrival.value or b"")
        if index > start and size + length > BYTES_IN_TRANSACTION_MAX:
            yield _portion(arrivals, start, index, positions, last)
            start, size = index, 0
        size += length
    if arrivals:
        yield _portion(arrivals, start, len(arrivals), positions, last)


def _portion(
    arrivals: Sequence[Arrival], start: int, end: int, positions: Mapping[str, int], last: Mapping[str, int]
) -> Portion:
    """The arrivals from `start` to before `end`. A topic goes on after its last one here, or where all of it ends."""
    part = arrivals[start:end]
    after = {
        arrival.topic: positions[arrival.topic] if last[arrival.topic] < end else arrival.position + 1
        for arrival in part
        if arrival.topic in positions
    }
    return Portion(arrivals=part, positions=after)
