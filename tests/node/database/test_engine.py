"""node/database/engine.py: transactions in threads."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select

from node.database import sqlite_backend
from node.database.engine import Store, Transaction
from node.database.record_tables import counter
from node.database.sqlite_backend import READERS_MAX
from node.errors import Unavailable
from node.store import counters

WAIT_SECONDS = 30.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    await opened.close()


def increase(db: Transaction) -> None:
    counters.increase(db, {"seen": 1})


def value(db: Transaction) -> int:
    return counters.counts(db).other.get("seen", 0)


def increase_when(allowed: threading.Event, begun: threading.Event) -> Callable[[Transaction], str]:
    """A transaction that increases, then waits until it may end."""

    def work(db: Transaction) -> str:
        increase(db)
        begun.set()
        assert allowed.wait(WAIT_SECONDS)
        return "done"

    return work


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, WAIT_SECONDS)


async def test_a_transaction_runs_in_one_thread_that_is_not_the_event_loop(store: Store) -> None:
    def work(db: Transaction) -> set[int]:
        threads = {threading.get_ident()}
        increase(db)
        return threads | {threading.get_ident()}

    written, written_again = await store.write(work), await store.write(work)

    assert (len(written), written) == (1, written_again)
    assert threading.get_ident() not in written


async def test_a_transaction_is_committed_when_its_function_returns_and_its_value_is_returned(store: Store) -> None:
    allowed = threading.Event()
    allowed.set()

    assert await store.write(increase_when(allowed, threading.Event())) == "done"
    assert await store.read(value) == 1


async def test_an_exception_rolls_back_and_reaches_the_caller(store: Store) -> None:
    def work(db: Transaction) -> None:
        increase(db)
        raise LookupError("a test")

    with pytest.raises(LookupError, match="a test"):
        await store.write(work)

    assert await store.read(value) == 0
    await store.write(increase)
    assert await store.read(value) == 1


async def test_what_a_read_writes_is_not_kept(store: Store) -> None:
    await store.read(increase)

    assert await store.read(value) == 0


async def test_a_read_sees_one_state_while_another_transaction_commits(store: Store) -> None:
    read_once, written = threading.Event(), threading.Event()

    def work(db: Transaction) -> tuple[int, int]:
        before = value(db)
        read_once.set()
        assert written.wait(WAIT_SECONDS)
        return before, value(db)

    reading = asyncio.create_task(store.read(work))
    await until(read_once)
    await store.write(increase)
    written.set()

    assert await reading == (0, 0)
    assert await store.read(value) == 1


async def test_as_many_reads_run_at_the_same_time_as_there_are_readers(store: Store) -> None:
    barrier = threading.Barrier(READERS_MAX)

    def work(db: Transaction) -> int | None:
        barrier.wait(WAIT_SECONDS)
        return db.scalar(select(func.count()).select_from(counter))

    assert await asyncio.gather(*(store.read(work) for _ in range(2 * READERS_MAX))) == [0] * 2 * READERS_MAX


async def test_a_cancelled_transaction_that_has_begun_is_finished_and_its_result_dropped(store: Store) -> None:
    allowed, begun = threading.Event(), threading.Event()
    writing = asyncio.create_task(store.write(increase_when(allowed, begun)))
    await until(begun)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    before = await store.read(value)
    allowed.set()
    await store.write(increase)  # the thread is free

    assert (before, await store.read(value)) == (0, 2)


async def test_a_cancelled_transaction_that_fails_is_rolled_back(store: Store) -> None:
    allowed, begun = threading.Event(), threading.Event()

    def work(db: Transaction) -> None:
        increase_when(allowed, begun)(db)
        raise LookupError("nobody waits for this")

    writing = asyncio.create_task(store.write(work))
    await until(begun)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    allowed.set()
    await store.write(lambda _: None)

    assert await store.read(value) == 0


async def test_a_cancelled_transaction_that_has_not_begun_does_not_begin(store: Store) -> None:
    allowed, begun = threading.Event(), threading.Event()
    first = asyncio.create_task(store.write(increase_when(allowed, begun)))
    await until(begun)
    second = asyncio.create_task(store.write(increase))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    allowed.set()

    assert await first == "done"
    assert await store.read(value) == 1


async def test_close_waits_for_a_cancelled_transaction_and_ends_every_thread(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    before = set(threading.enumerate())
    opened = await Store.open(f"sqlite:///{path}")
    allowed, begun = threading.Event(), threading.Event()
    writing = asyncio.create_task(opened.write(increase_when(allowed, begun)))
    await until(begun)
    writing.cancel()
    asyncio.get_running_loop().call_later(0.05, allowed.set)
    await opened.close()

    left = {thread.name for thread in set(threading.enumerate()) - before if thread.name.startswith("store-")}
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT value FROM counter").fetchall() == [(1,)]
    assert left == set()
    assert not path.with_name("store.db-wal").exists(), "the last connection was closed"


async def test_a_lock_of_another_process_is_waited_for_in_the_thread(store: Store, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(store.write(increase))
        assert await store.read(value) == 0  # the loop goes on, and a reader needs no lock
        assert not writing.done()
        other.execute("COMMIT")
        await writing

    assert await store.read(value) == 1


async def test_a_lock_that_is_not_released_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_backend, "BUSY_TIMEOUT_SECONDS", 0.05)
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="locked") as refused:
                await opened.write(increase)
            other.execute("COMMIT")
        await opened.write(increase)
        written = await opened.read(value)
    finally:
        await opened.close()

    assert (refused.value.code, written) == ("store_unavailable", 1)


async def test_callers_that_queue_while_a_lock_is_held_get_their_errors_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would wait for the whole timeout in its turn otherwise, and the last for twenty of them."""
    monkeypatch.setattr(sqlite_backend, "BUSY_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(sqlite_backend, "QUEUED_SECONDS", 0.01)
    monkeypatch.setattr(sqlite_backend, "BUSY_TIMEOUT_SECONDS_MIN", 0.01)
    opened = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    try:
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with asyncio.timeout(5):
                results = await asyncio.gather(*(opened.write(increase) for _ in range(20)), return_exceptions=True)
            other.execute("COMMIT")
        await opened.write(increase)
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.create_task(opened.write(increase))
            assert await opened.read(value) == 1
            other.execute("COMMIT")
            await writing
        written = await opened.read(value)
    finally:
        await opened.close()

    assert [type(result) for result in results] == [Unavailable] * 20
    assert written == 2
