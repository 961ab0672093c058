"""Opens a node's store: one engine that writes under BEGIN IMMEDIATE, one that only reads.

SQLite waits for the writer's lock at BEGIN, so that no transaction fails halfway with "database is locked". An error of
the disk or of the lock becomes `Unavailable`; any other error is a bug.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import aiosqlite
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from node.database import migrate
from node.database.connection import StoreConnection
from node.errors import Unavailable, UsageError

Transaction = AsyncConnection
"""What `Store.read` and `Store.write` yield, and what the functions of node/store take. Others only pass it on."""

BUSY_TIMEOUT_SECONDS: Final = 30  # longer than any transaction of a node
READERS_MAX: Final = 4
_AWAY: Final = ("locked", "is full", "readonly", "unable to open")


class Store:
    """A node's database. `write()` is a transaction that writes; `read()` sees one state of the database."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader

    @classmethod
    async def open(cls, url: str) -> "Store":
        """Open the store at `url` (`sqlite:///file`) and bring its tables up to date.

        Raises UsageError for a URL of another kind, Unavailable if the file cannot be opened or is locked.
        """
        path = _path(url)
        _check_usable(path)
        store = cls(_engine(path, writes=True), _engine(path, writes=False))
        try:
            async with store.read() as connection:
                current = await connection.run_sync(migrate.is_current)
            if not current:
                async with store.write() as connection:
                    await connection.run_sync(migrate.upgrade)
        except BaseException:
            await store.close()
            raise
        return store

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """One write transaction: committed at the end, rolled back on any error."""
        with _disk_errors_translated():
            async with self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """One read transaction."""
        with _disk_errors_translated():
            async with self._reader.connect() as connection:
                yield connection

    async def close(self) -> None:
        """Close both engines; their worker threads end."""
        await self._writer.dispose()
        await self._reader.dispose()


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
    """Refuse a file that cannot be opened, as aiosqlite's thread outlives the event loop after a failed opening.

    The file is not opened for this: closing it would release the locks that this process may hold on it.
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


def _engine(path: Path, *, writes: bool) -> AsyncEngine:
    async def connect() -> aiosqlite.Connection:
        return await StoreConnection(str(path), BUSY_TIMEOUT_SECONDS)

    engine = create_async_engine(
        "sqlite+aiosqlite://",
        async_creator=connect,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1 if writes else READERS_MAX,
        max_overflow=0,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(dbapi_connection: Any, _record: Any) -> None:
        cursor = dbapi_connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
