"""Reads some topics with one client: buffers their records until they are asked for, and keeps the fault of each topic.

`broker.kafka.log` divides topics over readers, because each fetch of the library names all topics of its client.

Rules. The caller sets the positions: if it asks for another position than the next one, the reader seeks there. A call
of the client is never cancelled; it runs in its own task and ends by itself. A batch that cannot be read is isolated:

- a reader with several topics becomes `broken`, and `broker.kafka.log` divides it;
- a reader with one topic continues record by record, delivers all records before the bad one, and after three equal
  failures reports the topic as corrupt.

A topic whose records do not go on where the last one ended, three times, is corrupt too (topic_buffer.py).
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import Final

from broker.kafka.consumer import (
    Consumer,
    Denied,
    OutOfRange,
    Unreadable,
)
from broker.kafka.topic_buffer import DeliveredRecord, TopicBuffer
from broker.log import Entry, Fault, LogUnavailable

GET_SECONDS: Final = 0.5  # how long one call of the client waits; a close waits for it
FAILURES_MAX: Final = 3  # equal failures at one position until a topic is reported as corrupt
CAREFUL_RECORDS_MAX: Final = 500  # in one call, if the topic is read record by record
PROBE_SECONDS: Final = 30.0  # then a corrupt or denied topic is read again: a replica or a right may have been repaired
LOOK_SECONDS: Final = 1.0  # between two looks at positions without records, while records arrive


class Reader:
    """Reads its topics with one client."""

    def __init__(self, consumer: Consumer, *, is_alone: bool = False) -> None:
        """`consumer` is already started."""
        self._consumer = consumer
        self.is_alone = is_alone
        """The reader takes no further topics, because one of its topics may be unreadable."""

        self._topics: dict[str, TopicBuffer] = {}
        self._pump: asyncio.Task[None] | None = None
        self._looked_at = 0.0
        self.away: LogUnavailable | None = None
        """Why the client cannot use the cluster; None if it can."""

        self.broken = False
        """The client failed over one of several topics: divide the reader."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics in the order in which they were added."""
        return tuple(self._topics)

    @property
    def positions(self) -> dict[str, int]:
        """The position that the caller will ask for next, by topic."""
        return {topic: state.next for topic, state in self._topics.items()}

    def follow(self, wanted: Mapping[str, int]) -> None:
        """Read the topics of `wanted` from these positions: add new topics, pause those that are not in it."""
        new = {topic: position for topic, position in wanted.items() if topic not in self._topics}
        if new:
            for topic, position in new.items():
                self._topics[topic] = TopicBuffer(next=position, tail=position)
            self._assign()
        for topic, state in self._topics.items():
            if topic in wanted and wanted[topic] != state.next:
                state.seek(wanted[topic])
                self._consumer.seek(topic, state.tail)
            paused = topic not in wanted or state.is_full or self._is_faulty(topic, state)
            self._set_paused(topic, state, paused=paused)

    def _is_faulty(self, topic: str, state: TopicBuffer) -> bool:
        if state.fault in (Fault.CORRUPT, Fault.DENIED) and time.monotonic() - state.fault_at >= PROBE_SECONDS:
            state.fault_at = time.monotonic()
            self._consumer.seek(topic, state.tail)
            return False
        return state.fault is not None

    def _set_paused(self, topic: str, state: TopicBuffer, *, paused: bool) -> None:
        if paused != state.paused:
            state.paused = paused
            (self._consumer.pause if paused else self._consumer.resume)(topic)

    def keep_only(self, existing: Collection[str]) -> None:
        """Drop the topics that are not in `existing`."""
        kept = {topic: state for topic, state in self._topics.items() if topic in existing}
        if len(kept) < len(self._topics):
            self._topics = kept
            self._assign()

    def _assign(self) -> None:
        self._consumer.assign({topic: state.tail for topic, state in self._topics.items()})
        for state in self._topics.values():
            state.paused = False

    def take(self, topic: str, records_max: int, bytes_max: int) -> tuple[list[Entry], Fault | None, int | None]:
        """Buffered entries of `topic`; its fault, and where positions without records end, if no entry is left."""
        return self._topics[topic].take(records_max, bytes_max)

    def check(self) -> None:
        """Raise the last call's exception if the port has no error for it: a bug, or no memory."""
        if self._pump is not None and self._pump.done() and not self._pump.cancelled():
            self._pump.result()

    def pump(self) -> "asyncio.Task[None] | None":
        """The running call of the client, or a new one; None if every topic is paused or has buffered records."""
        if self._pump is not None and not self._pump.done():
            return self._pump
        if self.broken or self.away or all(state.paused or state.buffer for state in self._topics.values()):
            return None
        self._pump = asyncio.create_task(self._get())
        return self._pump

    async def _get(self) -> None:
        careful = len(self._topics) == 1 and any(state.failures for state in self._topics.values())
        try:
            for number in range(CAREFUL_RECORDS_MAX if careful else 1):
                found = await self._consumer.get(GET_SECONDS if number == 0 else 0, 1 if careful else None)
                for topic, records in found.items():
                    self._keep(topic, records)
                if not found:
                    break
            if not found or time.monotonic() - self._looked_at >= LOOK_SECONDS:
                await self._pass_over()
        except OutOfRange as error:
            for topic, position in error.positions.items():
                self._out_of_range(topic, position)
        except Denied as error:
            self._fault(error.topic, Fault.DENIED)
        except Unreadable:
            self._unreadable()
        except LogUnavailable as error:
            self.away = error

    def _keep(self, topic: str, records: list[DeliveredRecord]) -> None:
        """Buffer new entries. There was no await since the client answered, so no seek happened in between."""
        state = self._topics.get(topic)
        if state is not None and records and not state.keep(topic, records):
            self._failed(topic, state)

    async def _pass_over(self) -> None:
        """Find out where the client is: everything before that was delivered, or has no record."""
        self._looked_at = time.monotonic()
        for topic, position in (await self._consumer.positions(self.topics)).items():
            if (state := self._topics.get(topic)) is not None and state.fault is None and not state.failures:
                state.pass_over(position)

    def _out_of_range(self, topic: str, position: int) -> None:
        """The topic does not have `position`. If that is not where it should go on, a batch led the client astray."""
        state = self._topics.get(topic)
        if state is None or position == state.tail:
            self._fault(topic, Fault.OUT_OF_RANGE)
        else:
            self._failed(topic, state)

    def _fault(self, topic: str, fault: Fault) -> None:
        if (state := self._topics.get(topic)) is not None:
            state.fault, state.fault_at = fault, time.monotonic()
            self._set_paused(topic, state, paused=True)

    def _unreadable(self) -> None:
        if len(self._topics) > 1:
            self.broken = True
            return
        [(topic, state)] = self._topics.items()
        self._failed(topic, state)

    def _failed(self, topic: str, state: TopicBuffer) -> None:
        """Read again where the topic should go on; after `FAILURES_MAX` failures it is corrupt."""
        state.failures += 1
        self._consumer.seek(topic, state.tail)
        if state.failures >= FAILURES_MAX:
            self._fault(topic, Fault.CORRUPT)

    async def close(self) -> None:
        """Wait for the running call, then close the client."""
        if self._pump is not None:
            await asyncio.wait([self._pump], timeout=GET_SECONDS * 2)
        await self._consumer.close()
