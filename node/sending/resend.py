"""Sends again what the log acknowledged and did not give back within a minute, and raises an alarm.

A broker may acknowledge a record and lose it. The bytes stay in the outbox until they are read back, so they can be
sent again; readers drop what is repeated. The finding `record_not_read_back` stands until they are read back.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from node.database.engine import Store, Transaction
from node.database.locks import Lock, hold
from node.sending.acknowledgements import Acknowledgements
from node.stages import StreamId
from node.store import outbox, read_positions, stream_findings

log = structlog.get_logger()

READ_BACK_MS_MAX: Final = 60_000  # between the acknowledgement and the moment when the record is sent again
FINDING: Final = "record_not_read_back"


@dataclass(frozen=True, slots=True)
class _Oldest:
    """The oldest acknowledged record of a stream that was not read back, and how far its topic was read."""

    sequence: int
    position: int


@dataclass(slots=True, kw_only=True)
class Resender:
    """Watches the own streams of one node."""

    store: Store
    node: str
    topic_of: Callable[[str], str]
    acknowledged: Acknowledgements
    _seen: dict[str, tuple[_Oldest, int]] = field(default_factory=dict)
    """Own stream -> what was the oldest, and since when, in ms."""

    async def look(self, now: int) -> int:
        """Find records that were not read back in time; the relay sends them again. Returns of how many streams.

        Time counts only while the topic is not read further: a node that is behind is no fault of the log.
        Raises Unavailable.
        """
        oldest = await self.store.read(self._oldest)
        self._seen = {
            stream: self._seen[stream] if self._is_same(stream, found, now) else (found, now)
            for stream, found in oldest.items()
        }
        late = {stream: found for stream, (found, since) in self._seen.items() if now - since >= READ_BACK_MS_MAX}
        standing = await self.store.read(self._standing)
        if late or standing - oldest.keys():
            await self.store.write(lambda db: self._note(db, late, standing, now))
        for stream, found in late.items():
            log.error("record_not_read_back", stream=stream, sequence=found.sequence)
            self.acknowledged.forget(stream, found.sequence)
            del self._seen[stream]
        return len(late)

    def _is_same(self, stream: str, found: _Oldest, now: int) -> bool:
        """Whether it was the oldest at the last look too; not if the clock went back since."""
        before, since = self._seen.get(stream, (None, 0))
        return before == found and since <= now

    def _oldest(self, db: Transaction) -> dict[str, _Oldest]:
        positions = read_positions.next_positions(db)
        return {
            stream: _Oldest(sequence, positions.get(self.topic_of(stream), 0))
            for stream, sequence in outbox.oldest_acknowledged(db).items()
        }

    def _standing(self, db: Transaction) -> set[str]:
        """The own streams that have the finding."""
        streams = outbox.heads(db).keys()
        return {stream for stream in streams if stream_findings.stands(db, FINDING, self._id(stream))}

    def _note(self, db: Transaction, late: Mapping[str, _Oldest], standing: Collection[str], now: int) -> None:
        hold(db, Lock.OUTBOX)
        for stream, found in late.items():
            outbox.unacknowledge(db, stream, found.sequence)
        hold(db, Lock.FINDINGS)
        for stream, found in late.items():
            stream_findings.note(db, FINDING, self._id(stream), sequence=found.sequence, position=None, now=now)
        for stream in set(standing) - late.keys():
            if outbox.is_empty(db, stream):
                stream_findings.close(db, FINDING, self._id(stream), now)

    def _id(self, stream: str) -> StreamId:
        return StreamId(stream=stream, originator=self.node)
