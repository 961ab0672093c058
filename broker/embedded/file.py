"""The file of the embedded log: SQL on one connection. Its methods block; `broker.embedded.log` calls them in threads.

The schema is simple, so that an auditor can read it with plain SQL (tables.py; times are milliseconds since 1970 UTC,
readers use id to find new records):

    SELECT position, length(value), appended_at FROM record WHERE topic = 'intel.caribbean.bz' ORDER BY position

Rules. WAL and synchronous=FULL: what `append` has answered survives a power cut. A writer takes the lock when it begins
(BEGIN IMMEDIATE), so that the busy timeout applies. Only `provision` creates a file, so that a mistyped path does not
become an empty log. Errors, time and memory are those of connection.py, and rows are read by rows.py.
"""

import math
import time
from collections.abc import Collection, Sequence

from broker.embedded import rows
from broker.embedded.connection import LogConnection, translating
from broker.log import POSITION_MAX, Bounds, LogUnusable, TopicMissing


class LogFile(LogConnection):
    """One connection to the file, opened on first use. Call all methods in the same thread."""

    @translating
    def create(self, topics: Sequence[str]) -> tuple[str, ...]:
        """Create the file and the topics that do not exist; return the names of the created topics."""
        created: list[str] = []
        with self.transaction("BEGIN IMMEDIATE", make=True) as connection:
            for topic in topics:
                done = connection.execute("INSERT OR IGNORE INTO topic VALUES (?, 0, ?)", (topic, _now()))
                created += [topic] * done.rowcount
        return tuple(created)

    @translating
    def append(self, topic: str, values: Sequence[bytes | None]) -> int:
        """Append all values or none; return the position after the last."""
        with self.transaction("BEGIN IMMEDIATE") as connection:
            bounds = rows.bounds_of(connection, topic)
            if bounds is None:
                raise TopicMissing(topic)
            if bounds.end + len(values) > POSITION_MAX:
                raise LogUnusable(f"{self.path}: topic {topic} has no positions left; an operator must repair it")
            now, first_id = _now(), rows.next_id(connection)
            connection.executemany(
                "INSERT INTO record (id, topic, position, value, appended_at) VALUES (?, ?, ?, ?, ?)",
                [(first_id + number, topic, bounds.end + number, value, now) for number, value in enumerate(values)],
            )
        return bounds.end + len(values)

    @translating
    def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Beginning and end of each topic that exists, all read at the same moment."""
        with self.transaction("BEGIN") as connection:
            found = {topic: rows.checked_bounds_of(connection, topic) for topic in topics}
        return {topic: bounds for topic, bounds in found.items() if bounds is not None}

    @translating
    def topics(self) -> frozenset[str]:
        """The names of the topics."""
        with self.transaction("BEGIN") as connection:
            return rows.topic_names(connection)

    @translating
    def truncate_before(self, topic: str, position: int) -> None:
        """Move the beginning up to `position`, at most to the end. Positions are not reused."""
        with self.transaction("BEGIN IMMEDIATE", seconds=math.inf) as connection:
            bounds = rows.bounds_of(connection, topic)
            if bounds is None:
                raise TopicMissing(topic)
            beginning = min(max(position, bounds.beginning), bounds.end)
            connection.execute("UPDATE topic SET beginning = ? WHERE name = ?", (beginning, topic))
            connection.execute("DELETE FROM record WHERE topic = ? AND position < ?", (topic, beginning))

    @translating
    def delete(self, topic: str) -> None:
        """Remove the topic and its records."""
        with self.transaction("BEGIN IMMEDIATE", seconds=math.inf) as connection:
            connection.execute("DELETE FROM record WHERE topic = ?", (topic,))
            connection.execute("DELETE FROM topic WHERE name = ?", (topic,))


def _now() -> int:
    return time.time_ns() // 1_000_000
