"""What the log has acknowledged to this process, and which part of it the store does not know yet.

An acknowledgement is recorded late: until then most records are read back, and have no row in the outbox any more. If
the process ends before, the records are sent again, and readers drop what is repeated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from node.database.engine import Transaction
from node.store import outbox

RECORD_AFTER_MS: Final = 500  # `status` calls a record sent within a second

Ranges = Mapping[str, tuple[int, int]]
"""Own stream -> first and last sequence."""


@dataclass(slots=True)
class Acknowledgements:
    """The acknowledgements of one process for its own streams."""

    _last: dict[str, int] = field(default_factory=dict)
    unrecorded: dict[str, tuple[int, int]] = field(default_factory=dict)
    _since: int = 0
    """When the oldest of the unrecorded was received, in ms."""

    def last(self, stream: str) -> int:
        """The last sequence that the log has, as far as this process knows; 0 if it knows of none."""
        return self._last.get(stream, 0)

    def skip(self, stream: str, last: int) -> None:
        """The store has nothing to send up to the sequence `last`."""
        self._last[stream] = max(last, self.last(stream))

    def add(self, stream: str, first: int, last: int, now: int) -> None:
        """The log has acknowledged the sequences `first` to `last`."""
        if not self.unrecorded:
            self._since = now
        self.skip(stream, last)
        earlier, _ = self.unrecorded.get(stream, (first, last))
        self.unrecorded[stream] = min(earlier, first), self.last(stream)

    def forget(self, stream: str, first: int) -> None:
        """The log does not have the sequences from `first` on."""
        self._last[stream] = min(first - 1, self.last(stream))
        self.unrecorded.pop(stream, None)

    def wait_ms(self, now: int) -> int | None:
        """How long recording may still wait; None if nothing is unrecorded."""
        if not self.unrecorded:
            return None
        return 0 if now < self._since else max(0, self._since + RECORD_AFTER_MS - now)

    def due(self, now: int) -> Ranges:
        """What is to be recorded now; empty before RECORD_AFTER_MS."""
        return dict(self.unrecorded) if self.wait_ms(now) == 0 else {}

    def recorded(self, ranges: Ranges) -> None:
        """The store knows these acknowledgements, or has no row of them any more."""
        for stream, (_, last) in ranges.items():
            first, newest = self.unrecorded.pop(stream, (0, 0))
            if newest > last:
                self.unrecorded[stream] = max(first, last + 1), newest


def kept(db: Transaction, ranges: Ranges) -> Ranges:
    """Those of `ranges` of which the outbox still has a row."""
    return {stream: range_ for stream, range_ in ranges.items() if outbox.has_row(db, stream, *range_)}


def record(db: Transaction, ranges: Ranges) -> None:
    """Record acknowledgements in the outbox."""
    for stream, (first, last) in ranges.items():
        outbox.acknowledge(db, stream, first, last)
