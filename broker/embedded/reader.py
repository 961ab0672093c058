"""Reads new records of hundreds of topics from the embedded log, and waits for them. For one thread.

Rules. A fetch reads all topics at the same moment. A topic that was read to its end is not queried again until it has a
newer record. The next answer starts after the topic that the last one ended with, so that no topic starves another.
"""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from broker.embedded.file import (
    Connection,
    LogFile,
    bounds_of,
    translating,
)
from broker.log import FETCH_SIZE_BYTES_MAX, Entry, Fault, Fetched

POLL_SECONDS: Final = 0.005  # wake-up p50 3 ms, p99 6 ms
POLL_SECONDS_MAX: Final = 0.05  # with only the short interval, fourteen idle nodes would use half of a machine
SILENCE_SHARE: Final = 20

_TOPICS: Final = "SELECT name, beginning, created FROM topic"
# With the cast a row that was edited by hand stays readable: another type fails verification, not the reader.
_RECORDS: Final = (
    "SELECT position, CAST(value AS BLOB) FROM record WHERE topic = ? AND position >= ? ORDER BY position LIMIT ?"
)


def poll_seconds(silence: float) -> float:
    """Seconds until the next poll: a twentieth of the time since the last commit, between two limits."""
    return max(POLL_SECONDS, min(POLL_SECONDS_MAX, silence / SILENCE_SHARE))


class LogReader(LogFile):
    """The connection that `fetch` reads and waits on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._newest = 0  # record.id up to which `_ends` holds
        self._ends: dict[str, tuple[int, int]] = {}  # topic -> (created, end), for topics read to the end at `_newest`
        self._heard = time.monotonic()  # time of the last commit that was noticed
        self._turn = ""  # the topic that was read last: the next answer starts after it

    def close(self) -> None:
        """Close the connection and forget the ends of topics."""
        self._ends.clear()
        super().close()

    @translating
    def read(self, positions: Mapping[str, int], records_max: int) -> tuple[int, list[Fetched]]:
        """Read what exists now. The first result is the data version before that, for `wait`."""
        fetched: list[Fetched] = []
        version = self._data_version()
        records_left, bytes_left = records_max, FETCH_SIZE_BYTES_MAX
        with self.transaction("BEGIN") as connection:
            topics = {name: (beginning, created) for name, beginning, created in connection.execute(_TOPICS)}
            self._forget_ends(connection)
            for topic in self._in_turn(positions):
                if records_left <= 0 or bytes_left <= 0:
                    break
                if topic not in topics:
                    fetched.append(Fetched(topic=topic, entries=(), fault=Fault.MISSING))
                    continue
                beginning, created = topics[topic]
                if positions[topic] < beginning:
                    fetched.append(Fetched(topic=topic, entries=(), fault=Fault.OUT_OF_RANGE))
                elif self._ends.get(topic) != (created, positions[topic]):
                    found = self._read_topic(topic, created, positions[topic], records_left, bytes_left)
                    if found is not None:
                        fetched.append(found)
                        records_left -= len(found.entries)
                        bytes_left -= sum(len(entry.value or b"") for entry in found.entries)
                        self._turn = topic
        return version, fetched

    @translating
    def wait(self, version: int, until: float, stop: threading.Event) -> None:
        """Block until another connection has committed since `version`, until `until` (monotonic) or until `stop`."""
        while self._data_version() == version:
            now = time.monotonic()
            if now >= until or stop.wait(min(poll_seconds(now - self._heard), until - now)):
                return
        self._heard = time.monotonic()

    def _read_topic(self, topic: str, created: int, position: int, records: int, size: int) -> Fetched | None:
        entries: list[Entry] = []
        rows = self.opened(make=False).execute(_RECORDS, (topic, position, records))
        for at, value in rows:
            entries.append(Entry(topic=topic, position=at, value=value))
            size -= len(value or b"")
            if size <= 0:
                break
        rows.close()
        if entries:
            return Fetched(topic=topic, entries=tuple(entries))
        bounds = bounds_of(self.opened(make=False), topic)
        if bounds is not None and position > bounds.end:
            return Fetched(topic=topic, entries=(), fault=Fault.OUT_OF_RANGE)
        self._ends[topic] = (created, position)
        return None

    def _forget_ends(self, connection: Connection) -> None:
        """Forget the ends of topics with records newer than `_newest`. The other topics need no query."""
        newest = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()[0]
        if self._ends and newest != self._newest:
            for (topic,) in connection.execute("SELECT DISTINCT topic FROM record WHERE id > ?", (self._newest,)):
                self._ends.pop(topic, None)
        self._newest = newest

    def _in_turn(self, positions: Mapping[str, int]) -> list[str]:
        topics = list(positions)
        if self._turn in positions:
            start = topics.index(self._turn) + 1
            return topics[start:] + topics[:start]
        return topics

    def _data_version(self) -> int:
        version: int = self.opened(make=False).execute("PRAGMA data_version").fetchone()[0]
        return version
