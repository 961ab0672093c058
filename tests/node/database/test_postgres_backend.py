"""node/database/postgres_backend.py on a real server: transactions, and failures that pass."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from node.database.backend import StoreOptions
from node.database.engine import Store, Transaction
from node.database.migrate import is_current
from node.database.record_tables import counter
from node.errors import Unavailable, UsageError
from node.store import counters
from tests.support import postgres

WAIT_SECONDS = 30.0
QUICK = StoreOptions(lock_seconds_max=1, statement_seconds_max=2, connect_seconds_max=5)


@asynccontextmanager
async def opened(url: str, options: StoreOptions = StoreOptions()) -> AsyncIterator[Store]:  # noqa: B008, it is frozen
    store = await Store.open(url, options)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with opened(postgres.database()) as made:
        yield made


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


def value(db: Transaction) -> int:
    return counters.counts(db).other.get("seen", 0)


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, WAIT_SECONDS)


async def test_the_tables_are_made_by_a_user_who_owns_the_database_and_nothing_else() -> None:
    """Neither superuser, nor the right to create roles or databases."""
    shared = postgres.shared()
    shared.execute("CREATE ROLE plain LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE")
    shared.execute("CREATE DATABASE plain OWNER plain")
    url = shared.url("plain").replace(f"{postgres.OWNER}@", "plain@")
    async with opened(url) as store:
        await store.write(increase)

        assert await store.read(is_current)


async def test_two_processes_may_make_the_tables_at_the_same_time() -> None:
    """The second one waits and finds them."""
    url = postgres.database(empty=True)
    stores = await asyncio.gather(*(Store.open(url) for _ in range(4)))
    current = [await store.read(is_current) for store in stores]
    for store in stores:
        await store.close()

    assert current == [True] * 4


async def test_texts_have_no_limit_of_length_and_the_order_of_code_points(store: Store) -> None:
    """A long value that another node sent must not stop the reading; rows have the order that SQLite gives them."""
    columns = text(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
        " AND data_type NOT IN ('bigint', 'integer', 'bytea', 'boolean', 'tsvector')"
        " AND (character_maximum_length IS NOT NULL OR collation_name IS DISTINCT FROM 'C')"
    )

    assert (await store.read(lambda db: db.execute(columns).all())) == []


async def test_a_read_sees_one_state_while_another_transaction_commits(store: Store) -> None:
    """All its statements see what was committed before its first one."""
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


async def test_a_read_that_writes_is_a_bug(store: Store) -> None:
    """The server refuses it, and no fault of the server hides it."""
    with pytest.raises(DBAPIError, match="read-only transaction"):
        await store.read(increase)


async def test_an_exception_rolls_back_and_reaches_the_caller(store: Store) -> None:
    def work(db: Transaction) -> None:
        increase(db)
        raise LookupError("a test")

    with pytest.raises(LookupError, match="a test"):
        await store.write(work)

    assert await store.read(value) == 0


async def test_an_error_that_is_a_bug_shows_no_value(store: Store) -> None:
    """Parameters may be parts of reports."""
    with pytest.raises(DBAPIError) as error:
        await store.write(lambda db: db.execute(text("SELECT CAST(:given AS integer) / 0"), {"given": 4711}))

    assert "4711" not in str(error.value)


async def test_a_lock_that_is_not_released_is_unavailable() -> None:
    """The wait ends after `lock_seconds_max`, and the next transaction works."""
    async with opened(postgres.database(), QUICK) as store:
        await store.write(increase)
        held, release = threading.Event(), threading.Event()

        def hold(db: Transaction) -> None:
            increase(db)
            held.set()
            assert release.wait(WAIT_SECONDS)

        holding = asyncio.create_task(store.write(hold))
        await until(held)
        with pytest.raises(Unavailable, match="lock timeout") as refused:
            await store.write(increase)
        release.set()
        await holding
        await store.write(increase)

        assert (refused.value.code, refused.value.path) == ("store_unavailable", "store.url")
        assert await store.read(value) == 3


async def test_a_statement_that_takes_too_long_is_unavailable() -> None:
    """The server ends it after `statement_seconds_max`."""
    async with opened(postgres.database(), QUICK) as store:
        with pytest.raises(Unavailable, match="statement timeout"):
            await store.read(lambda db: db.execute(text("SELECT pg_sleep(60)")))


async def test_one_transaction_of_a_deadlock_is_unavailable_and_may_be_repeated(store: Store) -> None:
    """The other one is committed."""
    await store.write(lambda db: counters.increase(db, {"a": 1, "b": 1}))
    barrier = threading.Barrier(2)

    def work(first: str, second: str) -> Callable[[Transaction], None]:
        def increase_both(db: Transaction) -> None:
            counters.increase(db, {first: 1})
            barrier.wait(WAIT_SECONDS)
            counters.increase(db, {second: 1})

        return increase_both

    ended = await asyncio.gather(store.write(work("a", "b")), store.write(work("b", "a")), return_exceptions=True)

    assert sorted(map(type, ended), key=str) == sorted([type(None), Unavailable], key=str)
    assert (await store.read(counters.counts)).other == {"a": 2, "b": 2}


async def test_a_session_that_the_server_ends_is_unavailable_and_replaced(store: Store) -> None:
    """In the middle of a transaction, and while it is idle in the pool."""

    def end_itself(db: Transaction) -> None:
        increase(db)
        db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(Unavailable):
        await store.write(end_itself)
    await store.write(increase)
    name = store._backend.writer.url.database
    postgres.shared().execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    assert await store.read(value) == 1
    await store.write(increase)
    assert await store.read(value) == 2


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("ALTER DATABASE {name} SET default_transaction_read_only = on", "standby"),
        ("ALTER DATABASE {name} CONNECTION LIMIT 0", "too many connections"),
        ("ALTER DATABASE {name} SET temp_file_limit = 0", "temporary file"),
        ("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC", "permission denied"),
    ],
)
async def test_a_server_that_refuses_is_unavailable_with_its_reason(setting: str, reason: str) -> None:
    """A standby, too many connections, no room, no right: none of them is a bug."""
    shared = postgres.shared()
    if not shared.execute("SELECT 1 FROM pg_roles WHERE rolname = 'guest'"):
        shared.execute("CREATE ROLE guest LOGIN")
    url = postgres.database()
    name = postgres.name_of(url)
    shared.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO guest", name)
    shared.execute(setting.format(name=name))

    def work(db: Transaction) -> None:
        db.execute(text("SET LOCAL work_mem = '64kB'"))
        db.execute(text("SELECT count(*) FROM (SELECT * FROM generate_series(1, 100000) ORDER BY random()) AS many"))
        increase(db)

    with pytest.raises(Unavailable) as refused:
        async with opened(url.replace(f"{postgres.OWNER}@", "guest@")) as store:
            await store.write(work)

    assert reason in refused.value.message
    assert (refused.value.code, refused.value.path) == ("store_unavailable", "store.url")
    assert refused.value.hint


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (f"{postgres.OWNER}@", "nobody:s3cret@", "nobody"),
        ("/store_", "/absent_", "does not exist"),
        ("host=/", "host=/nowhere/", "No such file"),
    ],
)
async def test_a_server_that_cannot_be_used_is_unavailable_and_the_password_is_not_shown(
    old: str, new: str, reason: str
) -> None:
    """An unknown role, an unknown database, no server."""
    with pytest.raises(Unavailable) as refused:
        await Store.open(postgres.database().replace(old, new))

    assert reason in refused.value.message
    assert "s3cret" not in f"{refused.value} {refused.value.hint} {refused.value.__cause__}"


async def test_a_store_recovers_by_itself_after_a_restart_of_the_server(server: postgres.Server) -> None:
    """While the server is away, the store is unavailable; a crash loses nothing that was committed."""
    async with opened(server.url("store"), QUICK) as store:
        await store.write(increase)
        before = await store.read(value)
        server.stop("fast")
        with pytest.raises(Unavailable):
            await store.read(value)
        with pytest.raises(Unavailable):
            await store.write(increase)
        server.start()

        assert await store.read(value) == before
        await store.write(increase)
        assert await store.read(value) == before + 1


async def test_a_process_opens_no_more_connections_than_it_may() -> None:
    """`connections_max` counts those that write and those that read together; more work waits."""
    url = postgres.database()
    name = postgres.name_of(url)
    async with opened(url, StoreOptions(connections_max=4)) as small:
        both: list[Any] = [small.write(increase) for _ in range(20)] + [small.read(value) for _ in range(20)]
        await asyncio.gather(*both)
        [(count,)] = postgres.shared().execute(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'")

    assert 2 <= count <= 4


async def test_a_silent_transaction_is_ended_by_the_server() -> None:
    """A process that stands still must not hold its locks for ever."""
    async with opened(postgres.database(), QUICK) as store:

        def stand_still(db: Transaction) -> None:
            increase(db)
            threading.Event().wait(QUICK.statement_seconds_max + 1)
            increase(db)

        with pytest.raises(Unavailable):
            await store.write(stand_still)

        assert await store.read(lambda db: db.execute(select(counter)).all()) == []


async def test_a_commit_waits_for_the_disk_whatever_the_server_has_as_its_default() -> None:
    """A batch that was sent and then forgotten would be signed again with other bytes."""
    url = postgres.database()
    postgres.shared().execute(f"ALTER DATABASE {postgres.name_of(url)} SET synchronous_commit = off")
    async with opened(url) as store:
        for ask in (store.read, store.write):
            assert await ask(lambda db: db.execute(text("SHOW synchronous_commit")).scalar()) == "on"


async def test_a_database_that_cannot_hold_every_text_is_refused() -> None:
    """Before the first table is made."""
    shared = postgres.shared()
    shared.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(UsageError) as refused:
        await Store.open(shared.url("latin"))

    assert (refused.value.code, refused.value.path) == ("store_encoding", "store.url")
    assert shared.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "latin") == [(0,)]


async def test_a_migration_may_take_longer_than_a_statement_of_the_node() -> None:
    """Otherwise a large store could never be upgraded."""
    slow = "CREATE FUNCTION stop() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1.2); END'"
    url = postgres.database(empty=True)
    name = postgres.name_of(url)
    postgres.shared().execute(slow, name)
    trigger = "CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('CREATE TABLE AS', 'DROP TABLE')"
    postgres.shared().execute(f"{trigger} EXECUTE FUNCTION stop()", name)
    async with opened(url, StoreOptions(statement_seconds_max=1)) as store:
        assert await store.read(is_current)
