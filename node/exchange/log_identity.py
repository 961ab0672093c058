"""Whether a topic is the one that was read before: a topic that was made anew has other records at the same positions.

A position means something only together with a record before it. So records that were read are compared with the log:

- each topic before it is read on after a start or an interruption: the record before the position, from the store;
- a topic in which a record opened a gap: the last record that had its place in the stream before;
- topics without new records, some in each minute: the same record.

The digest of a record that takes no place in the stream is not a mark while there is a better one: anybody could have
written that record into the new topic.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from broker.log import Log
from node.exchange.arrival import Arrival
from node.primitives import digest
from node.store.read_positions import Mark

WAIT_SECONDS: Final = 1.0  # the records are there: only a slow log needs this long
RECORDS_AT_ONCE: Final = 500
BETWEEN_LOOKS_MS: Final = 60_000  # also between two comparisons of a topic: gaps must not cost a fetch each
QUIET_TOPICS_AT_ONCE_MAX: Final = 50  # a log may answer with the whole batch of each record


class TopicIdentity:
    """Which topics of one process are to be compared, and with which of their records. Pure."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] = {}
        self._newer: dict[str, Mark] = {}
        """Marks that replace those of `_marks` if the comparison finds no difference."""

        self._due: set[str] = set()
        self._compared_at: dict[str, int] = {}
        self._positions: Mapping[str, int] = {}
        """Of the last look at quiet topics."""

        self._looked_at = 0

    def load(self, marks: Mapping[str, Mark]) -> None:
        """Go on with what the store has; compare each topic before it is read on."""
        self._marks, self._due = dict(marks), set(marks)
        self._newer.clear()
        self._compared_at.clear()

    def ingested(self, arrivals: Iterable[Arrival]) -> None:
        """Take up records that were read from the log and ingested, in their order."""
        last: dict[str, Arrival] = {}
        for arrival in arrivals:
            if arrival.changed_gaps and arrival.topic in self._marks:
                self._due.add(arrival.topic)
            if arrival.placed or (arrival.topic not in self._marks and arrival.topic not in last):
                last[arrival.topic] = arrival
        for topic, arrival in last.items():
            marks = self._newer if topic in self._due else self._marks
            marks[topic] = Mark(arrival.position + 1, digest(arrival.value or b""))

    def due(self, positions: Mapping[str, int], now: int) -> dict[str, Mark]:
        """The marks to compare now (ms) before reading on at `positions` (topic -> position)."""
        is_time = self._is_past(self._looked_at, now)
        if not self._due and not is_time:
            return {}
        topics = [topic for topic in self._due if self._is_past(self._compared_at.get(topic, 0), now)]
        if is_time:
            quiet = [topic for topic, position in positions.items() if position == self._positions.get(topic)]
            quiet.sort(key=lambda topic: self._compared_at.get(topic, 0))
            topics += [topic for topic in quiet if topic in self._marks][:QUIET_TOPICS_AT_ONCE_MAX]
            self._positions, self._looked_at = dict(positions), now
        return {topic: self._marks[topic] for topic in topics if topic in positions}

    def compared(self, marks: Mapping[str, Mark], replaced: Collection[str], now: int) -> None:
        """Take up the result of a comparison."""
        for topic in marks:
            self._compared_at[topic] = now
            self._due.discard(topic)
            newer = self._newer.pop(topic, None)
            if topic in replaced:
                del self._marks[topic]
            elif newer is not None:
                self._marks[topic] = newer

    @staticmethod
    def _is_past(before: int, now: int) -> bool:
        return abs(now - before) >= BETWEEN_LOOKS_MS  # the clock may have gone back


async def replaced_topics(bus: Log, marks: Mapping[str, Mark]) -> list[str]:
    """The topics that have another record before the position of their mark now.

    A topic that does not return the record is not among them: the log reports its fault when it is read.
    Raises LogUnavailable.
    """
    left = {topic: mark for topic, mark in marks.items() if mark.position > 0}
    replaced = []
    while left:
        asked = {topic: mark.position - 1 for topic, mark in left.items()}
        answers = await bus.fetch(asked, records_max=RECORDS_AT_ONCE, wait_seconds=WAIT_SECONDS)
        for answer in answers:
            mark = left.pop(answer.topic, None)
            if mark is None or not answer.entries:
                continue
            first = answer.entries[0]
            if first.position == mark.position - 1 and digest(first.value or b"") != mark.digest:
                replaced.append(answer.topic)
        if not answers:
            break
    return replaced
