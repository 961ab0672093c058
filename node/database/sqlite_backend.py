"""A store that is a SQLite file.

One thread writes, under BEGIN IMMEDIATE; up to READERS_MAX threads read. SQLite waits for the writer's lock at BEGIN,
so no transaction fails halfway with "database is locked". Therefore no function of node/store needs a lock of its own
here (node/database/locks.py).

After some commits a thread of its own copies the pages of the write-ahead log into the file. So this copying, with its
two writes to the disk, delays no transaction. The writing thread does it only above WAL_PAGES_MAX.
"""

import os
import sqlite3
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from node.database import direct
from node.database.backend import Backend, HomeClaim, unavailable
from node.database.damage import is_damage, store_damaged
from node.database.sqlite_watch import SqliteWatch
from node.errors import EnlaceError, Unavailable
from node.secret_files import make_private

BUSY_TIMEOUT_SECONDS: Final = 30  # longer than any transaction of a node
QUEUED_SECONDS: Final = 1.0  # a transaction that waited so long for its turn waits less for a lock
BUSY_TIMEOUT_SECONDS_MIN: Final = 0.1
EMPTY_JOURNAL_MS_MAX: Final = 1000  # the writer waits so long for readers to end
READERS_MAX: Final = 4
WRITER_CACHE_KIB: Final = 32 * 1024  # in a large store, 500 messages change 20 MiB of pages
READER_CACHE_KIB: Final = 4 * 1024
CHECKPOINT_COMMITS: Final = 64
WAL_PAGES_MAX: Final = 8_000  # of 4 KiB
BUSY_MS: Final = "enlace_busy_ms"  # where a connection keeps its wait
_AWAY: Final = ("locked", "is full", "readonly", "unable to open", "disk I/O error")


def sqlite_backend(path: Path) -> Backend:
    """The file at `path`; raises Unavailable if it cannot be used."""
    _check_usable(path)
    make_private(path)
    checkpoints, patience = Checkpoints(path), LockPatience()
    return Backend(
        writer=_engine(path, begin="BEGIN IMMEDIATE", connections=1, cache_kib=WRITER_CACHE_KIB, patience=patience),
        reader=_engine(path, begin="BEGIN", connections=READERS_MAX, cache_kib=READER_CACHE_KIB),
        writers=1,
        readers=READERS_MAX,
        fault=_fault,
        watch=partial(SqliteWatch, path),
        claim=HomeClaim,
        before_commit=lambda _: None,
        empty_journal=_empty_journal,
        before_begin=patience.before_begin,
        after_commit=checkpoints.committed,
        close=checkpoints.close,
    )


def _empty_journal(writer: Engine) -> None:
    """Write the journal into the file and make it empty. If readers need it, the next call does."""
    connection = writer.raw_connection()
    try:
        cursor = connection.cursor()
        with suppress(sqlite3.OperationalError):
            cursor.execute(f"PRAGMA busy_timeout={EMPTY_JOURNAL_MS_MAX}").fetchall()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}").fetchall()
        connection.info.pop(BUSY_MS, None)
        cursor.close()
    finally:
        connection.close()


class LockPatience:
    """How long the next transaction that writes waits for a lock of another process.

    BUSY_TIMEOUT_SECONDS from the time at which its caller asked for it. So callers that queue while a lock is held get
    their error together, and not one after the other.
    """

    def __init__(self) -> None:
        self._ms = int(BUSY_TIMEOUT_SECONDS * 1000)

    def before_begin(self, asked_at: float | None) -> None:
        """Set the wait of the transaction that was asked for at this time; None: now."""
        queued = 0.0 if asked_at is None else time.monotonic() - asked_at
        left: float = BUSY_TIMEOUT_SECONDS
        if queued >= QUEUED_SECONDS:
            left = max(BUSY_TIMEOUT_SECONDS_MIN, BUSY_TIMEOUT_SECONDS - queued)
        self._ms = int(left * 1000)

    def apply(self, connection: Connection) -> None:
        """Give the wait to the connection, if it has another one."""
        if connection.info.get(BUSY_MS, int(BUSY_TIMEOUT_SECONDS * 1000)) != self._ms:
            direct.execute(connection, f"PRAGMA busy_timeout={self._ms}").fetchall()
            connection.info[BUSY_MS] = self._ms


class Checkpoints:
    """Copies the write-ahead log into the file after each CHECKPOINT_COMMITS commits of this process."""

    def __init__(self, path: Path) -> None:
        """Start nothing yet: the thread is made when it is first needed."""
        self._uri = f"{path.absolute().as_uri()}?mode=rw"
        self._thread = ThreadPoolExecutor(1, "store-checkpoint")
        self._running: Future[None] | None = None
        self._commits = 0

    def committed(self) -> None:
        """Count a commit; called by the thread that writes."""
        self._commits += 1
        if self._commits >= CHECKPOINT_COMMITS and (self._running is None or self._running.done()):
            self._commits = 0
            self._running = self._thread.submit(self._copy)

    def _copy(self) -> None:
        """Copy what no reader needs in the log. If the disk is full or busy, the writing thread meets the fault."""
        with suppress(sqlite3.Error), closing(sqlite3.connect(self._uri, uri=True)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Wait for the copying that runs, and end the thread."""
        self._thread.shutdown()


def _fault(error: DBAPIError, _writes: bool) -> EnlaceError | None:
    text = str(error.orig)
    if isinstance(error, OperationalError) and any(sign in text for sign in _AWAY):
        return _away(text)
    return store_damaged(text) if is_damage(error.orig) else None


def _away(reason: str) -> Unavailable:
    return unavailable(reason, "free the disk or end the process that holds the lock; nothing was written")


def _check_usable(path: Path) -> None:
    """Raise Unavailable with the name of the file if it cannot be used; the messages of SQLite do not name it.

    Only asks the file system: opening and closing the file would release the locks that this process holds on it.
    """
    existing = path if path.exists() else path.parent
    if path.is_dir() or not path.parent.is_dir() or not os.access(existing, os.R_OK | os.W_OK):
        raise _away(f"{path} cannot be opened for writing")


def _engine(
    path: Path, *, begin: str, connections: int, cache_kib: int, patience: "LockPatience | None" = None
) -> Engine:
    """Engine with at most `connections` connections, whose transactions start with the statement `begin`.

    `cache_kib` is what each may use for pages of the file.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None, "check_same_thread": False},
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_use_lifo=True,  # the connection that was used last has the most in its caches
        hide_parameters=True,  # an error would show the contents of reports
    )

    @event.listens_for(engine, "connect")
    def on_connect(dbapi_connection: Any, _record: Any) -> None:
        cursor = dbapi_connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=FAST")  # overwrites what is deleted, where that writes no further page
        cursor.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES_MAX}")
        cursor.execute(f"PRAGMA cache_size=-{cache_kib}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        if patience is not None:
            patience.apply(connection)
        direct.execute(connection, begin)

    return engine
