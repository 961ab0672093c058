"""Opens a node's store: `write` and `read` run one function in a thread, inside one transaction.

Rules:

- The function gets an ordinary connection, calls functions of `node/store`, and awaits nothing. So a transaction
  changes the thread once, and waits for the disk or for a lock in its thread, not on the event loop.
- The function runs once. A writing transaction is committed when it returns, and rolled back when it raises.
- SQLite has one thread that writes, PostgreSQL several; on both, functions state the locks that they need
  (node/database/locks.py).
- A caller that is cancelled does not end the transaction: if it has begun, it is finished in its thread, committed or
  rolled back, and the result is dropped. If it has not begun, it does not begin.

A fault of the disk, the server or the connection, or a lock that is held, becomes `Unavailable`; damage of the store
becomes UsageError `store_damaged`.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from node.database import migrate
from node.database.backend import Backend, CommitWatch, StoreClaim, StoreOptions
from node.database.damage import store_damaged
from node.database.dialects import POSTGRESQL, SQLITE
from node.errors import UsageError
from node.heartbeats import beat
from schemas.avro.codec import BadMessage

Transaction: TypeAlias = Connection
"""What `Store.read` and `Store.write` give to a function, and the functions of node/store take. Others pass it on."""

T = TypeVar("T")


class Store:
    """A node's database. `write` is a transaction that writes; `read` sees one state of the database."""

    def __init__(self, backend: Backend) -> None:
        """Open nothing yet: a thread and its connection are made when they are first needed."""
        self._backend = backend
        self._writing = ThreadPoolExecutor(backend.writers, "store-writer")
        self._reading = ThreadPoolExecutor(backend.readers, "store-reader")

    @classmethod
    async def open(cls, url: str, options: StoreOptions | None = None, *, existing: bool = False) -> "Store":
        """Open the store at `url` and bring its tables up to date; without `existing` a new one is made.

        `sqlite:///FILE` or `postgresql+psycopg://USER@HOST/DATABASE`. Raises UsageError for a URL of another kind,
        Unavailable if the file or the server cannot be used now, and UsageError `store_missing`.
        """
        store = cls(backend_at(url, options or StoreOptions()))
        try:
            if not await store.read(migrate.is_current):
                if existing and await store.read(migrate.is_empty):
                    raise store_missing("the database has no tables")
                await store.write(migrate.upgrade)
        except BaseException:
            await store.close()
            raise
        return store

    @classmethod
    async def revision_of(cls, url: str, options: StoreOptions | None = None) -> str | None:
        """The revision of the store at `url`, which stays as it is; None if there is no store. Raises like `open`."""
        store = cls(backend_at(url, options or StoreOptions()))
        try:
            return await store.read(migrate.revision)
        finally:
            await store.close()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one writing transaction: committed when it returns, rolled back when it raises.

        Raises what `work` raises, and Unavailable. Then nothing was written, or the server vanished while it
        committed: the caller may do the same again, and must find what was stored.
        """
        asked_at = time.monotonic()
        result = await asyncio.get_running_loop().run_in_executor(self._writing, self._write, work, asked_at)
        beat()
        return result

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work`, which sees one state of the store. Raises like `write`."""
        result = await asyncio.get_running_loop().run_in_executor(self._reading, self._read, work)
        beat()
        return result

    async def empty_journal(self) -> None:
        """Leave nothing of earlier transactions in the journal. Raises Unavailable."""
        await asyncio.get_running_loop().run_in_executor(self._writing, self._empty_journal)

    def watch(self) -> CommitWatch:
        """A watch for commits to this store, by any process."""
        return self._backend.watch()

    def claim(self) -> StoreClaim:
        """The right to run as the daemon of this store; not taken yet."""
        return self._backend.claim()

    async def close(self) -> None:
        """Wait for the transactions that run, then end the threads and close the connections."""
        await asyncio.to_thread(self._close)

    def _write(self, work: Callable[[Transaction], T], asked_at: float | None = None) -> T:
        self._backend.before_begin(asked_at)
        with faults_translated(self._backend, writes=True), self._backend.writer.begin() as connection:
            result = work(connection)
            self._backend.before_commit(connection)
        self._backend.after_commit()
        return result

    def _empty_journal(self) -> None:
        with faults_translated(self._backend, writes=True):
            self._backend.empty_journal(self._backend.writer)

    def _read(self, work: Callable[[Transaction], T]) -> T:
        with faults_translated(self._backend, writes=False), self._backend.reader.connect() as connection:
            connection.begin()  # rolled back when the connection goes back to the pool
            return work(connection)

    def _close(self) -> None:
        self._writing.shutdown()
        self._reading.shutdown()
        self._backend.close()
        self._backend.writer.dispose()
        self._backend.reader.dispose()


def make_store(url: str) -> None:
    """Make a new store at `url`, without the threads of a Store. Raises like `Store.open`."""
    backend = backend_at(url, StoreOptions())
    try:
        with faults_translated(backend, writes=True), backend.writer.begin() as connection:
            migrate.upgrade(connection)
    finally:
        backend.writer.dispose()
        backend.reader.dispose()


@contextmanager
def faults_translated(backend: Backend, *, writes: bool) -> Iterator[None]:
    """Raise an error of the database as `Unavailable` or `store_damaged`; one that is a bug stays as it is.

    A transaction decodes only what the store holds, so bytes that cannot be decoded are damage.
    """
    try:
        yield
    except DBAPIError as error:
        fault = backend.fault(error, writes)
        if fault is not None:
            raise fault from error
        raise
    except BadMessage as error:
        raise store_damaged(error.reason) from error


def store_missing(found: str) -> UsageError:
    """The error for a store that is not there."""
    hint = "correct the address, or restore a backup; the daemon makes a new store when it starts"
    return UsageError("store_missing", found, path="store.url", hint=hint)


def backend_at(url: str, options: StoreOptions) -> Backend:
    """The database at `url`. Raises UsageError, and Unavailable if its file cannot be used."""
    parsed = _parsed(url)
    if parsed is not None and parsed.get_backend_name() == SQLITE and parsed.database:
        from node.database.sqlite_backend import sqlite_backend

        return sqlite_backend(Path(parsed.database))
    if parsed is not None and parsed.drivername in (POSTGRESQL, f"{POSTGRESQL}+psycopg"):
        from node.database.postgres_backend import postgres_backend

        return postgres_backend(parsed, options)
    raise UsageError(
        "store_url_unknown",
        "the URL of the store is not of a known kind",
        path="store.url",
        hint="use sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE",
    )


def shown_url(url: str) -> str:
    """The URL without its password, for answers."""
    parsed = _parsed(url)
    return "" if parsed is None else parsed.render_as_string(hide_password=True)


def _parsed(url: str) -> URL | None:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        return None
