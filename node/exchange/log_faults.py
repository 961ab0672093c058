"""Answers faults of the log: those that cannot pass unnoticed are recorded as findings, each once.

A finding ends when the fault has healed: the node has read past a corrupt position, or a topic that begins later than
it was read turns out to miss nothing. That a log was replaced stays a finding until an operator acknowledges it: other
nodes may have missed records.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Final

import structlog

from broker.log import Fault, Fetched, Log
from broker.streams import KEYS
from node.database.engine import Store, Transaction
from node.database.locks import Lock, hold
from node.exchange.log_identity import replaced_topics
from node.integrity import acknowledged_findings
from node.stages import StreamId
from node.store import own_grants, read_positions, stream_findings
from node.store.read_positions import Mark

log = structlog.get_logger()

TRUNCATED: Final = "head_truncated"
REPLACED: Final = "log_replaced"
CORRUPT: Final = "transport_corrupt"
MALFORMED: Final = "transport_malformed"


class LogFaults:
    """The faults that one process met."""

    def __init__(
        self, store: Store, places: Mapping[str, StreamId], clock: Callable[[], int], node: Callable[[], str]
    ) -> None:
        """`node()` is the code of this node."""
        self._store = store
        self._node = node
        self._places = places
        self._clock = clock
        self._corrupt: dict[str, int] = {}
        """Topic -> position of the last corruption that was recorded."""

        self._truncated: dict[str, int] = {}
        """Topic that begins later than it was read -> the highest sequence of its stream when that was found."""

        self._denied: set[str] = set()
        self._malformed: set[str] = set()

    async def start(self) -> None:
        """Take up the faults that stand in the store."""
        topics = {place: topic for topic, place in self._places.items()}
        find = partial(acknowledged_findings.faults_of, codes=[CORRUPT, TRUNCATED])
        for code, place, position in await self._store.read(find):
            if (topic := topics.get(place)) is None:
                continue
            if code == CORRUPT:
                self._corrupt[topic] = max(position or 0, self._corrupt.get(topic, 0))
            elif topic not in self._truncated:
                self._truncated[topic] = await self._highest(topic)

    async def settle(
        self, bus: Log, fetched: Iterable[Fetched], positions: dict[str, int], known: Collection[str]
    ) -> None:
        """Answer what a fetch reports beside its records, which are stored; changes where to go on in `positions`.

        `known` are the topics of which a record was ingested before. Raises LogUnavailable and Unavailable.
        """
        for part in fetched:
            topic, position = part.topic, positions[part.topic]
            if part.after is not None:  # nodes write only records
                await self._leave_out(topic, part.after)
                position = await self._pass_over(topic, position, part.after)
            if part.fault is not None:
                position = await self._handle(bus, topic, part.fault, position, known=topic in known)
            positions[topic] = position
            if part.entries and (topic in self._corrupt or topic in self._truncated):
                await self._heal(topic, position)

    async def _handle(self, bus: Log, topic: str, fault: Fault, position: int, *, known: bool) -> int:
        """Record the fault of a topic at `position` if it is new; returns the position to go on from."""
        match fault:
            case Fault.MISSING:  # the topic is not provisioned yet; `status` shows it without an end
                return position
            case Fault.DENIED:
                if topic not in self._denied:
                    self._denied.add(topic)
                    log.error("stream_denied", topic=topic)
            case Fault.CORRUPT:
                if self._corrupt.get(topic) != position:
                    await self._record(CORRUPT, topic, None, position)
                    self._corrupt[topic] = position
            case Fault.MALFORMED:  # the records were delivered: one finding for the stream is enough
                await self._leave_out(topic, position)
            case Fault.OUT_OF_RANGE:
                return await self._beginning(bus, topic, position, known=known)
        return position

    async def _leave_out(self, topic: str, position: int) -> None:
        """The log has something in the topic that is no record."""
        if topic not in self._malformed:
            await self._record(MALFORMED, topic, None, position, once=True)
            self._malformed.add(topic)

    async def _pass_over(self, topic: str, position: int, after: int) -> int:
        """No position from `position` to before `after` has a record: go on at `after`."""
        if after <= position:
            return position
        place = self._places[topic]

        def move(db: Transaction) -> None:
            read_positions.put(db, [(topic, place, after, read_positions.highest(db, topic), None, None)])

        await self._store.write(move)
        return after

    async def replaced(self, bus: Log, marks: Mapping[str, Mark]) -> dict[str, int]:
        """Topic -> its beginning, for each topic that was made anew since it was read. Raises LogUnavailable."""
        mine = {topic: mark for topic, mark in marks.items() if topic in self._places}
        found = await replaced_topics(bus, mine)
        bounds = await bus.bounds(found) if found else {}
        for topic, bound in bounds.items():
            await self._record(REPLACED, topic, None, mine[topic].position, go_on_at=bound.beginning)
        return {topic: bound.beginning for topic, bound in bounds.items()}

    async def _beginning(self, bus: Log, topic: str, position: int, *, known: bool) -> int:
        """The log deleted records before they were read, or has less than was read: go on at its beginning."""
        bounds = (await bus.bounds([topic])).get(topic)
        if bounds is None:
            return position
        if known:
            highest = self._truncated[topic] = await self._highest(topic)
            await self._record(TRUNCATED, topic, highest + 1, bounds.beginning, go_on_at=bounds.beginning)
        return bounds.beginning

    async def _heal(self, topic: str, position: int) -> None:
        """End the findings about a topic whose fault has healed; reading goes on at `position`."""
        place, now = self._places[topic], self._clock()
        if position > self._corrupt.get(topic, position):
            await self._store.write(lambda db: acknowledged_findings.end_fault(db, CORRUPT, place, now))
            del self._corrupt[topic]
        if topic in self._truncated and await self._highest(topic) > self._truncated[topic]:
            if await self._store.read(partial(acknowledged_findings.has_gap, place=place)):
                return
            await self._store.write(lambda db: acknowledged_findings.end_fault(db, TRUNCATED, place, now))
            del self._truncated[topic]

    async def _highest(self, topic: str) -> int:
        return await self._store.read(lambda db: read_positions.highest(db, topic))

    async def _record(
        self,
        code: str,
        topic: str,
        sequence: int | None,
        position: int,
        *,
        go_on_at: int | None = None,
        once: bool = False,
    ) -> None:
        """Log a fault of a topic and record it as a finding; reading goes on at another position if one is given.

        `once`: one finding stands for all positions.
        """
        log.error("stream_fault", code=code, topic=topic, position=position)
        place, now = self._places[topic], self._clock()
        is_own_keys = place == StreamId(stream=KEYS, originator=self._node())

        def record(db: Transaction) -> None:
            hold(db, Lock.FINDINGS)
            stream_findings.note(db, code, place, sequence=sequence, position=position, now=now, each_position=not once)
            if go_on_at is not None:
                read_positions.move(db, topic, go_on_at)
                if is_own_keys:
                    own_grants.forget_all(db)

        await self._store.write(record)
