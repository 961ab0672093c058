"""One client and the topics that it reads: keeps what has come until it is asked for, and what is wrong with each.

`broker.kafka.log` divides topics over readers, because each fetch of the library names all topics of its client.

Rules. Positions are the caller's: a reader that is asked for another position than the next one seeks there. A call of
the client is never cancelled; it runs in a task of its own and ends by itself. What can't be read is isolated: a
reader with several topics comes apart (`broken`) and is divided; one with a single topic goes on record by record,
delivers all before the bad one, and after three equal failures calls the topic corrupt.
"""

import asyncio
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from broker.kafka.consumer import (
    Consumer,
    Denied,
    OutOfRange,
    Unreadable,
)
from broker.log import Entry, Fault, LogUnavailable

GET_SECONDS: Final = 0.5  # how long one call of the client waits, and so how long a close may
FAILURES_MAX: Final = 3  # equal failures at one position before a topic is called corrupt
CAREFUL_RECORDS_MAX: Final = 500  # read one by one before the others have their turn
PROBE_SECONDS: Final = 30.0  # a corrupt or denied topic is looked at again: a replica or a right may have been mended


@dataclass(slots=True)
class _Topic:
    next: int
    """Position that the caller will ask for."""

    tail: int
    """Position after everything that is buffered."""

    buffer: deque[Entry] = field(default_factory=deque)
    fault: Fault | None = None
    fault_at: float = 0.0
    failures: int = 0
    paused: bool = False


class Reader:
    """Reads its topics with one client."""

    def __init__(self, consumer: Consumer, *, is_alone: bool = False) -> None:
        """`consumer` has been started."""
        self._consumer = consumer
        self.is_alone = is_alone
        """Takes no further topics: one of those it has may be unreadable."""

        self._topics: dict[str, _Topic] = {}
        self._pump: asyncio.Task[None] | None = None
        self.away: LogUnavailable | None = None
        """Why the client has no cluster."""

        self.broken = False
        """The client came apart over one of several topics: divide them."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics in the order in which they came."""
        return tuple(self._topics)

    @property
    def positions(self) -> dict[str, int]:
        """What the caller will ask for next, by topic."""
        return {topic: one.next for topic, one in self._topics.items()}

    def follow(self, wanted: Mapping[str, int]) -> None:
        """Read what is in `wanted` from these positions, take up what is new, rest what is not in it."""
        new = {topic: position for topic, position in wanted.items() if topic not in self._topics}
        if new:
            for topic, position in new.items():
                self._topics[topic] = _Topic(next=position, tail=position)
            self._assign()
        for topic, one in self._topics.items():
            if topic in wanted and wanted[topic] != one.next:
                one.next = one.tail = wanted[topic]
                one.buffer.clear()
                one.fault, one.failures = None, 0
                self._consumer.seek(topic, one.tail)
            self._rest(topic, one, rest=topic not in wanted or self._faulty(topic, one))

    def _faulty(self, topic: str, one: _Topic) -> bool:
        if one.fault in (Fault.CORRUPT, Fault.DENIED) and time.monotonic() - one.fault_at >= PROBE_SECONDS:
            one.fault_at = time.monotonic()
            self._consumer.seek(topic, one.tail)
            return False
        return one.fault is not None

    def _rest(self, topic: str, one: _Topic, *, rest: bool) -> None:
        if rest != one.paused:
            one.paused = rest
            (self._consumer.pause if rest else self._consumer.resume)(topic)

    def keep_only(self, there: Collection[str]) -> None:
        """Read no more of topics that are not there."""
        kept = {topic: one for topic, one in self._topics.items() if topic in there}
        if len(kept) < len(self._topics):
            self._topics = kept
            self._assign()

    def _assign(self) -> None:
        self._consumer.assign({topic: one.tail for topic, one in self._topics.items()})
        for one in self._topics.values():
            one.paused = False

    def take(self, topic: str, records_max: int, bytes_max: int) -> tuple[list[Entry], Fault | None]:
        """Entries of `topic` that have come, and the fault behind them once all are taken."""
        one = self._topics[topic]
        entries: list[Entry] = []
        while one.buffer and len(entries) < records_max and bytes_max > 0:
            entries.append(one.buffer.popleft())
            bytes_max -= len(entries[-1].value or b"")
        if entries:
            one.next = entries[-1].position + 1
        return entries, None if one.buffer else one.fault

    def check(self) -> None:
        """Raise what the last call of the client raised that has no place in the port: a bug, or memory used up."""
        if self._pump is not None and self._pump.done() and not self._pump.cancelled():
            self._pump.result()

    def pump(self) -> "asyncio.Task[None] | None":
        """The running call of the client, a new one if none runs; None when everything rests or is buffered."""
        if self._pump is not None and not self._pump.done():
            return self._pump
        if self.broken or self.away or all(one.paused or one.buffer for one in self._topics.values()):
            return None
        self._pump = asyncio.create_task(self._get())
        return self._pump

    async def _get(self) -> None:
        careful = len(self._topics) == 1 and any(one.failures for one in self._topics.values())
        try:
            for number in range(CAREFUL_RECORDS_MAX if careful else 1):
                found = await self._consumer.get(GET_SECONDS if number == 0 else 0, 1 if careful else None)
                for topic, entries in found.items():
                    self._keep(topic, entries)
                if not found:
                    return
        except OutOfRange as error:
            for topic in error.topics:
                self._fault(topic, Fault.OUT_OF_RANGE)
        except Denied as error:
            self._fault(error.topic, Fault.DENIED)
        except Unreadable:
            self._unreadable()
        except LogUnavailable as error:
            self.away = error

    def _keep(self, topic: str, entries: list[Entry]) -> None:
        """No await since the client answered: what it gave follows what was asked for."""
        one = self._topics.get(topic)
        if one is not None and (new := [entry for entry in entries if entry.position >= one.tail]):
            one.buffer.extend(new)
            one.tail = new[-1].position + 1
            one.fault, one.failures = None, 0

    def _fault(self, topic: str, fault: Fault) -> None:
        if (one := self._topics.get(topic)) is not None:
            one.fault, one.fault_at = fault, time.monotonic()
            self._rest(topic, one, rest=True)

    def _unreadable(self) -> None:
        if len(self._topics) > 1:
            self.broken = True
            return
        [(topic, one)] = self._topics.items()
        one.failures += 1
        self._consumer.seek(topic, one.tail)
        if one.failures >= FAILURES_MAX:
            self._fault(topic, Fault.CORRUPT)

    async def close(self) -> None:
        """Let the running call end, then the client."""
        if self._pump is not None:
            await asyncio.wait([self._pump], timeout=GET_SECONDS * 2)
        await self._consumer.close()
