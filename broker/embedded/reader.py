"""Reads new records of hundreds of topics from the embedded log, and waits for them. For one thread.

Rules. A fetch reads all topics at the same moment. A topic that was read to its end is not queried again until it has a
newer record. The next answer starts after the topic that the last one ended with, so that no topic starves another.

A topic whose rows are damaged, or whose query does not end in `TOPIC_SECONDS_MAX`, is corrupt: it is tried again after
a pause that grows. The other topics are read.
"""

import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from broker.embedded import rows
from broker.embedded.connection import Connection, LogConnection, concerns_one_query, translating
from broker.embedded.rows import TopicRow
from broker.log import FETCH_SIZE_BYTES_MAX, Entry, Fault, Fetched

POLL_SECONDS: Final = 0.005  # wake-up p50 3 ms, p99 6 ms
POLL_SECONDS_MAX: Final = 0.05  # with only the short interval, fourteen idle nodes would use half of a machine
SILENCE_SHARE: Final = 20
READ_SECONDS_MAX: Final = 1.0  # for all topics; the next fetch goes on with the others
TOPIC_SECONDS_MAX: Final = 0.5  # five hundred records take milliseconds
PROBE_SECONDS_MAX: Final = 3600.0
_PROBE_SECONDS: Final = 30.0  # the first pause until a corrupt topic is read again


def poll_seconds(silence: float) -> float:
    """Seconds until the next poll: a twentieth of the time since the last commit, between two limits."""
    return max(POLL_SECONDS, min(POLL_SECONDS_MAX, silence / SILENCE_SHARE))


class LogReader(LogConnection):
    """The connection that `fetch` reads and waits on."""

    def __init__(self, path: Path, *, immutable: bool = False) -> None:
        """As LogConnection."""
        super().__init__(path, immutable=immutable)
        self._newest = 0  # record.id up to which `_ends` holds
        self._version = 0  # data version at which `_ends` was looked at
        self._ends: dict[str, tuple[int | None, int]] = {}  # topic -> (created, end), if read to the end at `_newest`
        self._malformed: set[str] = set()  # topics of `_ends` with something that is no record
        self._corrupt: dict[str, tuple[float, float]] = {}  # topic -> when to read it again, and the pause after that
        self._heard = time.monotonic()  # time of the last commit that was noticed
        self._turn = ""  # the topic that was read last: the next answer starts after it

    def close(self) -> None:
        """Close the connection and forget the ends of topics."""
        self._forget_all()
        super().close()

    @translating
    def read(
        self, positions: Mapping[str, int], records_max: int, stop: threading.Event | None = None
    ) -> tuple[int, list[Fetched]]:
        """Read what exists now; `stop` interrupts it. The first result is the data version before that, for `wait`."""
        self.stop = stop or threading.Event()
        fetched: list[Fetched] = []
        version = self._data_version()
        records_left, bytes_left = records_max, FETCH_SIZE_BYTES_MAX
        with self.transaction("BEGIN") as connection:
            topics = rows.topic_rows(connection, positions)
            self._forget_ends(connection, version)
            until = time.monotonic() + READ_SECONDS_MAX
            for topic in self._in_turn(positions):
                if records_left <= 0 or bytes_left <= 0 or time.monotonic() > until:
                    break
                found = self._read(connection, topic, topics.get(topic), positions[topic], (records_left, bytes_left))
                if found is None:
                    continue
                fetched.append(found)
                records_left -= len(found.entries)
                bytes_left -= sum(len(entry.value or b"") for entry in found.entries)
                if found.entries or found.fault is Fault.CORRUPT:
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

    def _read(
        self, connection: Connection, topic: str, row: TopicRow | None, position: int, left: tuple[int, int]
    ) -> Fetched | None:
        """What one topic has from `position` on; None if there is nothing. `left` are numbers of records and bytes."""
        if row is None:
            return Fetched(topic=topic, entries=(), fault=Fault.MISSING)
        beginning, created = row
        if beginning is not None and rows.is_position(beginning) and position < beginning:
            return Fetched(topic=topic, entries=(), fault=Fault.OUT_OF_RANGE)
        if self._ends.get(topic) == (created, position):
            return Fetched(topic=topic, entries=(), fault=Fault.MALFORMED) if topic in self._malformed else None
        if (again := self._corrupt.get(topic)) is not None and time.monotonic() < again[0]:
            return Fetched(topic=topic, entries=(), fault=Fault.CORRUPT)
        try:
            with self.within(TOPIC_SECONDS_MAX):
                found = self._read_rows(connection, topic, row, position, left)
        except (sqlite3.Error, MemoryError) as error:
            if self.stop.is_set() or (isinstance(error, sqlite3.Error) and not concerns_one_query(error)):
                raise
            pause = again[1] if again is not None else _PROBE_SECONDS
            self._corrupt[topic] = (time.monotonic() + pause, min(2 * pause, PROBE_SECONDS_MAX))
            return Fetched(topic=topic, entries=(), fault=Fault.CORRUPT)
        self._corrupt.pop(topic, None)
        return found

    def _read_rows(
        self, connection: Connection, topic: str, row: TopicRow, position: int, left: tuple[int, int]
    ) -> Fetched | None:
        entries: list[Entry] = []
        records, size = left
        malformed = not rows.is_position(row[0])
        expected = position
        for at, value, appended_at in rows.records(connection, topic, position, records):
            if not isinstance(at, int) or at < expected:  # a float, or an index that contradicts its order
                malformed = True
                continue
            entries.append(Entry(topic=topic, position=at, value=value, appended_at=appended_at))
            expected = at + 1
            size -= len(value or b"")
            if size <= 0:
                break
        if not entries:
            bounds = rows.bounds_of(connection, topic)
            if bounds is not None and position > bounds.end:
                return Fetched(topic=topic, entries=(), fault=Fault.OUT_OF_RANGE)
            malformed = malformed or (bounds is not None and rows.has_foreign(connection, topic, bounds.beginning))
            self._ends[topic] = (row[1], position)
            (self._malformed.add if malformed else self._malformed.discard)(topic)
        fault = Fault.MALFORMED if malformed else None
        return Fetched(topic=topic, entries=tuple(entries), fault=fault) if entries or fault else None

    def _forget_ends(self, connection: Connection, version: int) -> None:
        """Forget the ends of topics with records newer than `_newest`. The other topics need no query."""
        newest = rows.newest_id(connection)
        if newest > self._newest and self._ends:
            try:
                for (topic,) in connection.execute("SELECT DISTINCT topic FROM record WHERE id > ?", (self._newest,)):
                    self._ends.pop(topic.decode(errors="replace"), None)
            except sqlite3.Error as error:
                if not concerns_one_query(error):
                    raise
                self._forget_all()
        elif newest <= self._newest and version != self._version:  # something else changed, perhaps older rows
            self._forget_all()
        self._newest, self._version = newest, version

    def _forget_all(self) -> None:
        self._ends.clear()
        self._malformed.clear()

    def _in_turn(self, positions: Mapping[str, int]) -> list[str]:
        topics = list(positions)
        if self._turn in positions:
            start = topics.index(self._turn) + 1
            return topics[start:] + topics[:start]
        return topics

    def _data_version(self) -> int:
        version: int = self.opened(make=False).execute("PRAGMA data_version").fetchone()[0]
        return version
