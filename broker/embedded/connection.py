"""One connection to the file of the embedded log: opened and checked on first use, with bounds on time and memory.

Rules.

- A full disk, a read-only disk and a lock that another process keeps are `LogUnavailable`. What the content of the
  file causes is `LogUnusable`: other tables, a damaged file, a query that does not end. An I/O error passes through
  unchanged and ends the process, because after it the state of the disk is unknown.
- A file that was removed or replaced while it was open is noticed by the next call: without a name, what is written to
  it reaches no one. The call is `LogUnavailable`, and the one after it opens the file that has the name then.
- The tables are checked in the first transaction after each change of them (tables.py).
- A statement that runs longer than its transaction may is interrupted.
- A value that is longer than `LENGTH_MAX` is not loaded. rows.py reads the beginning of longer ones.
"""

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, TypeVar

from broker.embedded.private_file import make_private_file
from broker.embedded.tables import check_tables, check_version
from broker.log import RECORD_SIZE_BYTES_MAX, LogUnavailable, LogUnusable

BUSY_SECONDS_MAX: Final = 5.0  # another process's transaction takes milliseconds
CALL_SECONDS_MAX: Final = 3.0  # of one transaction; a daemon that stops has this time for it
LENGTH_MAX: Final = 4 * RECORD_SIZE_BYTES_MAX  # of a row that is written, with its topic
STEPS_BETWEEN_LOOKS: Final = 10_000  # instructions of SQLite, less than a millisecond
Connection = sqlite3.Connection

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
_OF_ONE_QUERY: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_TOOBIG})
_UNUSABLE: Final = _OF_ONE_QUERY | {
    sqlite3.SQLITE_ERROR,  # a table or a column is missing
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CONSTRAINT,  # an index contradicts its table
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_SCHEMA,
    sqlite3.SQLITE_FORMAT,
}

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound="LogConnection")


def concerns_one_query(error: sqlite3.Error) -> bool:
    """Whether other queries of the same file may succeed: it met damage, a value that is too long, or its end."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_ONE_QUERY


def _error_for(error: sqlite3.Error) -> type[LogUnavailable] | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None  # a wrong call of the library: a bug
    if code & 0xFF in _AWAY or code in _AWAY:
        return LogUnavailable
    return LogUnusable if code & 0xFF in _UNUSABLE else None


def translating(verb: Callable[Concatenate[C, P], R]) -> Callable[Concatenate[C, P], R]:
    """Turn errors into `LogUnavailable` and `LogUnusable`, and close the connection; the next call opens another."""

    @wraps(verb)
    def translated(self: C, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return verb(self, *args, **kwargs)
        except sqlite3.Error as error:
            kind = _error_for(error)
            if kind is None:
                raise
            self.close()
            raise kind(f"{self.path}: {error} ({error.sqlite_errorname})") from error
        except MemoryError as error:
            self.close()
            raise LogUnusable(f"{self.path}: a row needs more memory than the process may use") from error
        except LogUnusable:
            self.close()
            raise

    return translated


class LogConnection:
    """One connection to the file. Call all methods in the same thread."""

    def __init__(self, path: Path, *, immutable: bool = False) -> None:
        """`immutable`: the file does not change; nothing is written to it or made beside it."""
        self.path = path
        self._mode = "ro&immutable=1" if immutable else "rw"
        self.stop = threading.Event()
        """If it is set, the statement that runs is interrupted."""

        self._connection: Connection | None = None
        self._file: tuple[int, int] | None = None  # device and inode of the file that is open
        self._checked: int | None = None  # the version of the tables that were checked
        self._until = math.inf

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def transaction(self, begin: str, *, make: bool = False, seconds: float = CALL_SECONDS_MAX) -> Iterator[Connection]:
        """Commit the block, or roll it back if it raises; its statements have `seconds` together."""
        connection = self.opened(make=make)
        connection.execute(begin)
        try:
            self._until = time.monotonic() + seconds
            self._check_tables(connection)
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            self._until = math.inf

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Interrupt the statements of the block after `seconds`, inside a transaction that may last longer."""
        outer, self._until = self._until, min(self._until, time.monotonic() + seconds)
        try:
            yield
        finally:
            self._until = outer

    def opened(self, *, make: bool) -> Connection:
        """The connection. With `make`, create the file and its tables if they do not exist.

        Raises LogUnavailable if the open file was removed or replaced.
        """
        if self._connection is not None and self._file != self._named_file():
            self.close()
            raise LogUnavailable(f"{self.path} was removed or replaced while it was open")
        if self._connection is None:
            if make:
                make_private_file(self.path)
            if self.path.exists() and not self.path.is_file():
                raise LogUnusable(f"{self.path} is not a regular file")
            uri = f"{self.path.absolute().as_uri()}?mode={self._mode}"
            connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS_MAX, isolation_level=None)
            try:
                self._prepare(connection, make=make)
            except BaseException:
                connection.close()
                raise
            self._connection, self._checked, self._file = connection, None, self._named_file()
        return self._connection

    def _named_file(self) -> tuple[int, int] | None:
        """Device and inode of the file that has the name now; None if no file has it."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _prepare(self, connection: Connection, *, make: bool) -> None:
        """Set the options of the connection; create or check the schema."""
        connection.text_factory = bytes  # a text of the file need not be UTF-8
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LENGTH_MAX)
        connection.set_progress_handler(self._is_over, STEPS_BETWEEN_LOOKS)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA synchronous = FULL")
        check_version(connection, self.path, make=make)

    def _is_over(self) -> bool:
        return self.stop.is_set() or time.monotonic() > self._until

    def _check_tables(self, connection: Connection) -> None:
        version = connection.execute("PRAGMA schema_version").fetchone()[0]
        if version != self._checked:
            check_tables(connection, self.path)
            self._checked = version
