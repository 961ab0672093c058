"""What one reader holds of one topic: the records that the client delivered and no fetch has taken yet. Pure.

The client's library believes the broker. Rules.

- A record is kept if its position follows the one before it. A position that goes back, or is above `POSITION_MAX`, is
  no position. A delivery of such records only is a failure: the reader reads them again, and then calls it corrupt.
- Of a value above `VALUE_SIZE_BYTES_MAX` the beginning is kept.
- Positions without a record, such as those of transactions and compaction, are passed over.
- At BUFFERED_RECORDS_MAX records or BUFFERED_BYTES_MAX bytes the topic is full: the client reads the other topics until
  there is room. A topic with a long backlog must not be read into memory while the others are idle.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from broker.log import POSITION_MAX, VALUE_SIZE_BYTES_MAX, Entry, Fault

BUFFERED_RECORDS_MAX: Final = 5_000
BUFFERED_BYTES_MAX: Final = 4 * 1024 * 1024

DeliveredRecord = tuple[int, bytes | None, int | None]
"""Position, value, and the time at which the broker stored the record, in ms; None if the producer wrote the time."""


@dataclass(slots=True)
class TopicBuffer:
    """The state of one topic in a reader."""

    next: int
    """The position that the caller will ask for next."""

    tail: int
    """The position after all buffered records."""

    buffer: deque[Entry] = field(default_factory=deque)
    fault: Fault | None = None
    fault_at: float = 0.0
    failures: int = 0
    paused: bool = False
    size: int = 0
    """Bytes of the buffered values."""

    @property
    def is_full(self) -> bool:
        """Whether the client should read no more of the topic now."""
        return len(self.buffer) >= BUFFERED_RECORDS_MAX or self.size >= BUFFERED_BYTES_MAX

    def seek(self, position: int) -> None:
        """Forget the records, and continue at `position`."""
        self.next = self.tail = position
        self.buffer.clear()
        self.size = 0
        self.fault, self.failures = None, 0

    def keep(self, topic: str, records: Iterable[DeliveredRecord]) -> bool:
        """Buffer the records that follow; returns whether there was one."""
        before = self.tail
        for position, value, appended_at in records:
            if self.tail <= position < POSITION_MAX:
                kept = value if value is None else value[: VALUE_SIZE_BYTES_MAX + 1]
                self.buffer.append(Entry(topic=topic, position=position, value=kept, appended_at=appended_at))
                self.size += len(kept or b"")
                self.tail = position + 1
        if self.tail > before:
            self.fault, self.failures = None, 0
        return self.tail > before

    def pass_over(self, position: int) -> None:
        """The client reads on at `position`: what is before it was delivered, or is not a record."""
        if self.tail < position <= POSITION_MAX:
            self.tail = position

    def take(self, records_max: int, bytes_max: int) -> tuple[list[Entry], Fault | None, int | None]:
        """Buffered entries; if none is left behind them, also the fault and where positions without a record end."""
        entries: list[Entry] = []
        while self.buffer and len(entries) < records_max and bytes_max > 0:
            entries.append(self.buffer.popleft())
            taken = len(entries[-1].value or b"")
            bytes_max, self.size = bytes_max - taken, self.size - taken
        if entries:
            self.next = entries[-1].position + 1
        if self.buffer:
            return entries, None, None
        after = self.tail if self.tail > self.next else None
        self.next = self.tail
        return entries, self.fault, after
