"""The file of the embedded log: SQL on one connection. Its methods block; `broker.embedded.log` calls them in threads.

The schema is simple, so that an auditor can read it with plain SQL:

    topic(name, beginning, created)                     beginning: lowest position that can be fetched
    record(id, topic, position, value, appended_at)     position: from 0 in each topic; value NULL: a missing value
    times are milliseconds since 1970 UTC; readers use id to find new records

    SELECT position, length(value), appended_at FROM record WHERE topic = 'intel.caribbean.bz' ORDER BY position

Rules. WAL and synchronous=FULL: what `append` has answered survives a power cut. A writer takes the lock when it begins
(BEGIN IMMEDIATE), so that the busy timeout applies. Only `provision` creates a file, so that a mistyped path does not
become an empty log. A full disk, a read-only disk and a lock that another process keeps are `LogUnavailable`. Any other
error of the file passes through unchanged and ends the process.
"""

import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from broker.embedded.private_file import make_private_file
from broker.log import Bounds, LogError, LogUnavailable, TopicMissing

BUSY_SECONDS_MAX: Final = 5.0  # another process's transaction takes milliseconds
SCHEMA_VERSION: Final = 1
Connection = sqlite3.Connection

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS topic (name TEXT PRIMARY KEY, beginning INTEGER NOT NULL, created INTEGER NOT NULL)",
    """CREATE TABLE IF NOT EXISTS record (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        topic TEXT NOT NULL,
        position INTEGER NOT NULL,
        value BLOB,
        appended_at INTEGER NOT NULL,
        UNIQUE (topic, position)
    )""",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_AWAY: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,  # the folder is not mounted, or its file system is read-only
        sqlite3.SQLITE_IOERR_SHMSIZE,  # the disk is too full for the WAL's index
    }
)

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound="LogFile")


def translating(verb: Callable[Concatenate[F, P], R]) -> Callable[Concatenate[F, P], R]:
    """Turn the errors of `_AWAY` into `LogUnavailable`, and close the connection; the next call opens another one."""

    @wraps(verb)
    def translated(self: F, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return verb(self, *args, **kwargs)
        except sqlite3.OperationalError as error:
            code = error.sqlite_errorcode
            if code & 0xFF not in _AWAY and code not in _AWAY:
                raise
            self.close()
            raise LogUnavailable(f"{self.path}: {error} ({error.sqlite_errorname})") from error

    return translated


class LogFile:
    """One connection to the file, opened on first use. Call all methods in the same thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: Connection | None = None

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

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
            bounds = bounds_of(connection, topic)
            if bounds is None:
                raise TopicMissing(topic)
            now = _now()
            connection.executemany(
                "INSERT INTO record (topic, position, value, appended_at) VALUES (?, ?, ?, ?)",
                [(topic, position, value, now) for position, value in enumerate(values, bounds.end)],
            )
        return bounds.end + len(values)

    @translating
    def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Beginning and end of each topic that exists, all read at the same moment."""
        with self.transaction("BEGIN") as connection:
            found = {topic: bounds_of(connection, topic) for topic in topics}
        return {topic: bounds for topic, bounds in found.items() if bounds is not None}

    @translating
    def topics(self) -> frozenset[str]:
        """The names of all topics."""
        with self.transaction("BEGIN") as connection:
            return frozenset(name for (name,) in connection.execute("SELECT name FROM topic"))

    @translating
    def truncate_before(self, topic: str, position: int) -> None:
        """Move the beginning up to `position`, at most to the end. Positions are not reused."""
        with self.transaction("BEGIN IMMEDIATE") as connection:
            bounds = bounds_of(connection, topic)
            if bounds is None:
                raise TopicMissing(topic)
            beginning = min(max(position, bounds.beginning), bounds.end)
            connection.execute("UPDATE topic SET beginning = ? WHERE name = ?", (beginning, topic))
            connection.execute("DELETE FROM record WHERE topic = ? AND position < ?", (topic, beginning))

    @translating
    def delete(self, topic: str) -> None:
        """Remove the topic and its records."""
        with self.transaction("BEGIN IMMEDIATE") as connection:
            connection.execute("DELETE FROM record WHERE topic = ?", (topic,))
            connection.execute("DELETE FROM topic WHERE name = ?", (topic,))

    @contextmanager
    def transaction(self, begin: str, *, make: bool = False) -> Iterator[Connection]:
        """Commit the block, or roll it back if it raises."""
        connection = self.opened(make=make)
        connection.execute(begin)
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def opened(self, *, make: bool) -> Connection:
        """The connection. With `make`, create the file and its tables if they do not exist."""
        if self._connection is None:
            if make:
                make_private_file(self.path)
            uri = f"{self.path.absolute().as_uri()}?mode=rw"
            connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS_MAX, isolation_level=None)
            try:
                _prepare(connection, self.path, make=make)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection


def _prepare(connection: Connection, path: Path, *, make: bool) -> None:
    """Set the options of the connection; create or check the schema."""
    connection.execute("PRAGMA synchronous = FULL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and make:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute("COMMIT")
    elif version == 0:
        raise LogUnavailable(f"{path} does not contain a log yet; an operator must provision it")
    elif version != SCHEMA_VERSION:
        raise LogError(f"{path} has schema version {version}; this program knows {SCHEMA_VERSION}")


def bounds_of(connection: Connection, topic: str) -> Bounds | None:
    """Beginning and end of a topic; None if it does not exist."""
    row = connection.execute("SELECT beginning FROM topic WHERE name = ?", (topic,)).fetchone()
    if row is None:
        return None
    last = connection.execute("SELECT max(position) FROM record WHERE topic = ?", (topic,)).fetchone()[0]
    return Bounds(beginning=row[0], end=row[0] if last is None else max(row[0], last + 1))


def _now() -> int:
    return time.time_ns() // 1_000_000
