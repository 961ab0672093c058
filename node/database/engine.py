"""Opens a node's store: `write` and `read` run one function in a thread, inside one transaction.

Rules:

- The function gets an ordinary connection, calls functions of `node/store`, and awaits nothing. So a transaction
  changes the thread once, and waits for the disk or for a lock in its thread, not on the event loop.
- The function runs once. A writing transaction is committed when it returns, and rolled back when it raises.
- One thread writes, under BEGIN IMMEDIATE; up to READERS_MAX threads read. SQLite waits for the writer's lock at BEGIN,
  so no transaction fails halfway with "database is locked".
- A caller that is cancelled does not end the transaction: if it has begun, it is finished in its thread, committed or
  rolled back, and the result is dropped. If it has not begun, it does not begin.
- `close` waits for the transactions that run, and ends the threads.

A fault of the disk or a lock that is not released becomes `Unavailable`; any other error is a bug.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import QueuePool

from node.database import direct, migrate
from node.errors import Unavailable, UsageError

BUSY_TIMEOUT_SECONDS: Final = 30  # longer than any transaction of a node
READERS_MAX: Final = 4
_AWAY: Final = ("locked", "is full", "readonly", "unable to open")

Transaction: TypeAlias = Connection
"""What `Store.read` and `Store.write` give to a function, and what the functions of node/store take.

Others only pass it on.
"""

T = TypeVar("T")


class Store:
    """A node's database. `write` is a transaction that writes; `read` sees one state of the database."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet: a thread and its connection are made when they are first needed."""
        self._writer = _engine(path, begin="BEGIN IMMEDIATE", connections=1)
        self._reader = _engine(path, begin="BEGIN", connections=READERS_MAX)
        self._writing = ThreadPoolExecutor(1, "store-writer")
        self._reading = ThreadPoolExecutor(READERS_MAX, "store-reader")

    @classmethod
    async def open(cls, url: str) -> "Store":
        """Open the store at `url` (`sqlite:///file`) and bring its tables up to date.

        Raises UsageError for a URL of another kind, Unavailable if the file cannot be opened or is locked.
        """
        path = _path(url)
        _check_usable(path)
        store = cls(path)
        try:
            if not await store.read(migrate.is_current):
                await store.write(migrate.upgrade)
        except BaseException:
            await store.close()
            raise
        return store

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one writing transaction: committed when it returns, rolled back when it raises.

        Raises what `work` raises, and Unavailable with nothing written.
        """
        return await asyncio.get_running_loop().run_in_executor(self._writing, self._write, work)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work`, which sees one state of the store. Raises what `work` raises, and Unavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._read, work)

    async def close(self) -> None:
        """Wait for the transactions that run, then end the threads and close the connections."""
        await asyncio.to_thread(self._close)

    def _write(self, work: Callable[[Transaction], T]) -> T:
        with _disk_errors_translated(), self._writer.begin() as connection:
            return work(connection)

    def _read(self, work: Callable[[Transaction], T]) -> T:
        with _disk_errors_translated(), self._reader.connect() as connection:
            connection.begin()  # rolled back when the connection goes back to the pool
            return work(connection)

    def _close(self) -> None:
        self._writing.shutdown()
        self._reading.shutdown()
        self._writer.dispose()
        self._reader.dispose()


@contextmanager
def _disk_errors_translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        text = str(error.orig)
        if any(sign in text for sign in _AWAY):
            raise _away(text) from error
        raise


def _away(reason: str) -> Unavailable:
    return Unavailable(
        "store_unavailable",
        f"the store cannot be used now: {reason}",
        path="store.url",
        hint="free the disk or end the process that holds the lock; nothing was written",
    )


def _check_usable(path: Path) -> None:
    """Raise Unavailable with the name of the file if it cannot be used; the messages of SQLite do not name it.

    Only asks the file system: opening and closing the file would release the locks that this process holds on it.
    """
    existing = path if path.exists() else path.parent
    if path.is_dir() or not path.parent.is_dir() or not os.access(existing, os.R_OK | os.W_OK):
        raise _away(f"{path} cannot be opened for writing")


def _path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise UsageError(
            "store_url_unknown",
            "the URL of the store is not of a known kind",
            path="store.url",
            hint="use sqlite:///FILE",
        )
    return Path(parsed.database)


def _engine(path: Path, *, begin: str, connections: int) -> Engine:
    """Engine with at most `connections` connections, whose transactions start with the statement `begin`."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None, "check_same_thread": False},
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_use_lifo=True,  # the connection that was used last has the most in its caches
    )

    @event.listens_for(engine, "connect")
    def on_connect(dbapi_connection: Any, _record: Any) -> None:
        cursor = dbapi_connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        direct.execute(connection, begin)

    return engine
