"""Answers faults of the log: those that cannot pass unnoticed are recorded as findings, each once."""

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from broker.log import Fault, Log
from node.database.engine import Store, Transaction
from node.database.locks import Lock, hold
from node.exchange.log_identity import replaced_topics
from node.stages import StreamId
from node.store import read_positions, stream_findings
from node.store.read_positions import Mark

log = structlog.get_logger()

TRUNCATED: Final = "head_truncated"
REPLACED: Final = "log_replaced"


class LogFaults:
    """The faults that one process met."""

    def __init__(self, store: Store, places: Mapping[str, StreamId], clock: Callable[[], int]) -> None:
        self._store = store
        self._places = places
        self._clock = clock
        self._corrupt: dict[str, int] = {}
        """Topic -> position of the last corruption that was recorded."""

        self._denied: set[str] = set()

    async def handle(self, bus: Log, topic: str, fault: Fault, position: int, *, known: bool) -> int:
        """Record the fault of a topic at `position` if it is new; returns the position to go on from.

        `known`: a record of the topic was ingested before. Raises LogUnavailable and Unavailable.
        """
        match fault:
            case Fault.MISSING:  # the topic is not provisioned yet; `status` shows it without an end
                return position
            case Fault.DENIED:
                if topic not in self._denied:
                    self._denied.add(topic)
                    log.error("stream_denied", topic=topic)
            case Fault.CORRUPT:
                if self._corrupt.get(topic) != position:
                    self._corrupt[topic] = position
                    await self._record("transport_corrupt", topic, None, position)
            case Fault.OUT_OF_RANGE:
                return await self._beginning(bus, topic, position, known=known)
        return position

    async def replaced(self, bus: Log, marks: Mapping[str, Mark]) -> dict[str, int]:
        """Topic -> its beginning, for each topic that was made anew since it was read. Raises LogUnavailable."""
        mine = {topic: mark for topic, mark in marks.items() if topic in self._places}
        found = await replaced_topics(bus, mine)
        bounds = await bus.bounds(found) if found else {}
        for topic in found:
            position = mine[topic].position
            await self._record(REPLACED, topic, None, position, go_on_at=bounds[topic].beginning)
        return {topic: bounds[topic].beginning for topic in found}

    async def _beginning(self, bus: Log, topic: str, position: int, *, known: bool) -> int:
        """The log deleted records before they were read, or has less than was read: go on at its beginning."""
        bounds = (await bus.bounds([topic])).get(topic)
        if bounds is None:
            return position
        if known:
            highest = await self._store.read(lambda db: read_positions.highest(db, topic))
            await self._record(TRUNCATED, topic, highest + 1, bounds.beginning, go_on_at=bounds.beginning)
        return bounds.beginning

    async def _record(
        self, code: str, topic: str, sequence: int | None, position: int, *, go_on_at: int | None = None
    ) -> None:
        """Log a fault of a topic and record it as a finding; reading goes on at another position if one is given."""
        log.error("stream_fault", code=code, topic=topic, position=position)
        place, now = self._places[topic], self._clock()

        def record(db: Transaction) -> None:
            hold(db, Lock.FINDINGS)
            if not stream_findings.stands_at(db, code, place, position):
                stream_findings.add(db, code, place, sequence=sequence, position=position, now=now)
            if go_on_at is not None:
                read_positions.move(db, topic, go_on_at)

        await self._store.write(record)
