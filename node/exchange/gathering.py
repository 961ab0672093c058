"""Holds the records that were fetched until they are ingested: at once, or gathered, if they are this node's own. Pure.

Nobody waits for a record that this node sealed itself and reads back. At 100 records per second each would need a
transaction of its own, for which the records of others and the sealing have to wait. A crash meanwhile loses nothing:
the store still has the positions before them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from broker.streams import CHECKPOINTS, KEYS
from node.exchange.arrival import Arrival

GATHERED_RECORDS_MAX: Final = 500  # then they are ingested without a further wait
FIRST: Final = (CHECKPOINTS, KEYS)  # what corrects the times of other records, and what opens them


def rank(stream: str) -> int:
    """The place of a stream in the order in which the records of one fetch are ingested."""
    return FIRST.index(stream) if stream in FIRST else len(FIRST)


@dataclass(slots=True)
class Gathering:
    """Records in the order in which they were fetched, and the positions after them."""

    arrivals: list[Arrival] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    """Topic -> where to go on once the records are ingested."""

    _since: int = 0
    _has_others: bool = False

    def add(self, arrivals: Sequence[Arrival], positions: dict[str, int], now: int) -> None:
        """Add the records of one fetch; `now` in ms."""
        if not self.arrivals:
            self._since = now
        self.arrivals += arrivals
        self.positions |= positions
        self._has_others = self._has_others or any(arrival.own is None for arrival in arrivals)

    def left_ms(self, longest_ms: int, now: int) -> int | None:
        """How long ingesting may still wait, if own records wait for up to `longest_ms`; None if there is no record."""
        if not self.arrivals:
            return None
        if self._has_others or len(self.arrivals) >= GATHERED_RECORDS_MAX or now < self._since:
            return 0
        return max(0, self._since + longest_ms - now)

    def clear(self) -> None:
        """The records are in the store, or will be fetched again."""
        self.arrivals, self.positions, self._has_others = [], {}, False
