"""CommitWatch of node/database/backend.py: a job of the daemon hears commits of every process, on both databases."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from node.database import postgres_watch
from node.database.backend import CommitWatch
from node.database.engine import Store, Transaction
from node.errors import Unavailable
from node.store import counters
from tests.support import postgres

SOON_SECONDS = 10.0  # far less than a test that waits for nothing, far more than a busy machine needs


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store on each database."""
    return f"sqlite:///{tmp_path / 'store.db'}" if request.param == "sqlite" else postgres.database()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await Store.open(url)
    yield opened
    await opened.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch that never looks by itself, so that only a message can wake it."""
    monkeypatch.setattr(postgres_watch, "LOOK_SECONDS", 1000.0)


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    """A server that the tests of this file stop and start."""
    made = postgres.Server()
    made.start()
    made.execute("CREATE DATABASE store")
    yield made
    made.close()


def increase(db: Transaction) -> None:
    counters.increase(db, {"seen": 1})


async def heard(watch: CommitWatch, seconds: float | None = None) -> None:
    """Wait; fails if it takes long."""
    async with asyncio.timeout(SOON_SECONDS):
        await watch.wait(asyncio.Event(), seconds)


async def quiet(watch: CommitWatch) -> None:
    """Take what may be reported at the beginning; after that a short wait hears nothing."""
    await heard(watch, 0.05)
    begun = time.monotonic()
    await watch.wait(asyncio.Event(), 0.3)
    assert time.monotonic() - begun > 0.2


@pytest.mark.usefixtures("patient")
async def test_a_commit_of_this_process_and_of_another_one_is_heard(store: Store, url: str) -> None:
    """Each wakes a wait that has begun, and one that begins after it."""
    other = await Store.open(url)
    with closing(store.watch()) as watch:
        for writer in (store, other):
            await quiet(watch)
            waiting = asyncio.create_task(heard(watch))
            await asyncio.sleep(0)
            await writer.write(increase)
            await waiting
            await quiet(watch)
            await writer.write(increase)
            await heard(watch)
    await other.close()


@pytest.mark.usefixtures("patient")
async def test_a_transaction_that_is_rolled_back_is_not_heard(store: Store) -> None:
    """It changed nothing."""

    def fail(db: Transaction) -> None:
        increase(db)
        raise LookupError

    with closing(store.watch()) as watch:
        await quiet(watch)
        with pytest.raises(LookupError):
            await store.write(fail)
        await quiet(watch)


@pytest.mark.usefixtures("patient")
async def test_a_wait_ends_when_the_node_stops(store: Store) -> None:
    """Before it begins, and while it waits."""
    with closing(store.watch()) as watch:
        await quiet(watch)
        stopping = asyncio.Event()
        waiting = asyncio.create_task(watch.wait(stopping))
        await asyncio.sleep(0)
        stopping.set()
        async with asyncio.timeout(SOON_SECONDS):
            await waiting
            await watch.wait(stopping)


async def test_a_watch_looks_by_itself_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that drops packets ends no connection, and no message comes."""
    monkeypatch.setattr(postgres_watch, "LOOK_SECONDS", 0.1)
    store = await Store.open(postgres.database())
    with closing(store.watch()) as watch:
        await heard(watch)
        await heard(watch)
    await store.close()


async def test_stores_in_two_schemas_of_a_database_do_not_wake_each_other(
    patient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each schema is a store of its own."""
    del patient
    url = postgres.database()
    store = await Store.open(url)
    postgres.shared().execute("CREATE SCHEMA other", postgres.name_of(url))
    monkeypatch.setenv("PGOPTIONS", "-c search_path=other")
    other = postgres.shared()
    with closing(store.watch()) as watch:
        await quiet(watch)
        other.execute(postgres_watch._NOTIFY, postgres.name_of(url))
        await quiet(watch)
        monkeypatch.delenv("PGOPTIONS")
        other.execute(postgres_watch._NOTIFY, postgres.name_of(url))
        await heard(watch)
    await store.close()


async def test_a_watch_survives_a_restart_of_the_server(
    server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the server is away it reports now and then, so that the job meets the fault; then it listens again."""
    monkeypatch.setattr(postgres_watch, "LOOK_SECONDS", 0.2)
    store = await Store.open(server.url("store"))
    with closing(store.watch()) as watch:
        await heard(watch)
        server.stop("immediate")
        for _ in range(3):
            await heard(watch)
        with pytest.raises(Unavailable):
            await store.write(increase)
        server.start()
        monkeypatch.setattr(postgres_watch, "LOOK_SECONDS", 1000.0)
        await heard(watch)
        await quiet(watch)
        waiting = asyncio.create_task(heard(watch))
        await asyncio.sleep(0)
        await store.write(increase)
        await waiting
    await store.close()


async def test_a_closed_watch_leaves_no_connection(store: Store, url: str) -> None:
    """Nor a callback of the event loop."""
    with closing(store.watch()) as watch:
        await heard(watch, 0.05)
        await heard(watch, 0.05)
    if url.startswith("postgresql"):
        name, listening = postgres.name_of(url), "query LIKE 'LISTEN%'"
        question = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND {listening}"
        async with asyncio.timeout(SOON_SECONDS):
            while await asyncio.to_thread(postgres.shared().execute, question) != [(0,)]:
                pass
