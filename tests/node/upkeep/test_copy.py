"""node/upkeep/copy.py: a store moves to another database whole, or the other database stays empty."""

import asyncio
import multiprocessing
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.engine import make_url

from node.database.engine import Store
from node.errors import EnlaceError
from node.integrity import copy_rows, copy_store
from node.integrity.check_store import check_store
from node.runtime.single_daemon import only_daemon
from node.store import message_search
from node.store.message_search import Query
from node.upkeep.copy import copy
from tests.support import postgres
from tests.support.contract import cli
from tests.support.whole_store import NODE, make

_context = multiprocessing.get_context("forkserver")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store; no test changes it."""
    folder = tmp_path_factory.mktemp("whole")
    asyncio.run(make(folder))
    return folder / "gt.db"


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> str:
    """The URL of a copy of the file."""
    shutil.copy(whole, tmp_path / "store.db")
    return f"sqlite:///{tmp_path / 'store.db'}"


Where = Callable[[Path], str]
"""Makes an empty database; returns its URL."""

DATABASES: dict[str, Where] = {
    "SQLite": lambda folder: f"sqlite:///{folder / 'copy.db'}",
    "PostgreSQL": lambda _: postgres.database(empty=True),
}


async def on(url: str, work: Callable[[Any], Any]) -> Any:
    """The result of `work` in a writing transaction of the store at `url`."""
    store = await Store.open(url)
    try:
        return await store.write(work)
    finally:
        await store.close()


def code_of(source: str, target: str) -> tuple[str, str | None]:
    """Code and path of the error of a copy."""
    with pytest.raises(EnlaceError) as error:
        copy(source, target, None)
    return error.value.code, error.value.path


@pytest.mark.parametrize("where", DATABASES.values(), ids=DATABASES)
async def test_a_copy_is_whole_and_is_found_by_its_words_and_gives_new_ids(
    where: Where, store: str, tmp_path: Path
) -> None:
    target = where(tmp_path)
    answer = await asyncio.to_thread(copy, store, target, None)
    checked = await on(target, lambda db: check_store(db, NODE))
    found = await on(target, lambda db: message_search.search(db, Query(texts=("answer",))))
    ids = await on(target, lambda db: db.execute(text("SELECT id FROM draft ORDER BY id")).scalars().all())
    new = await on(
        target,
        lambda db: db.execute(
            text(
                "INSERT INTO draft (report_id, region, message_id, content_hash, payload, created_at)"
                " VALUES ('r', 'x', :id, :hash, :id, 1) RETURNING id"
            ),
            {"id": bytes(16), "hash": bytes(32)},
        ).scalar(),
    )

    assert answer.tables["message"] == 4
    assert checked.findings == ()
    assert checked.tables == answer.tables
    assert [message.sequence for message in found] == [1]
    assert new == max(ids) + 1


async def test_a_store_comes_back_from_postgresql_as_it_was(store: str, tmp_path: Path) -> None:
    """The digests of all tables are equal, and the texts are those of the reports."""
    first, second, back = postgres.database(empty=True), postgres.database(empty=True), tmp_path / "back.db"
    there = await asyncio.to_thread(copy, store, first, None)
    between = await asyncio.to_thread(copy, first, second, None)
    here = await asyncio.to_thread(copy, second, f"sqlite:///{back}", None)

    def texts(file: Path) -> list[Any]:
        with closing(sqlite3.connect(file)) as db:
            return db.execute("SELECT message, text FROM message_text ORDER BY message").fetchall()

    assert there.digests == between.digests == here.digests
    assert texts(back) == texts(tmp_path / "store.db")


def test_a_copy_changes_nothing_of_the_store_that_it_reads(store: str, tmp_path: Path) -> None:
    before = (tmp_path / "store.db").read_bytes()
    copy(store, f"sqlite:///{tmp_path / 'copy.db'}", None)

    assert (tmp_path / "store.db").read_bytes() == before
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("where", DATABASES.values(), ids=DATABASES)
def test_a_database_that_has_tables_is_refused_and_stays_as_it_is(where: Where, store: str, tmp_path: Path) -> None:
    target = where(tmp_path)
    copy(store, target, None)

    assert code_of(store, target) == ("store_not_empty", "to")
    assert copy(target, f"sqlite:///{tmp_path / 'third.db'}", None).tables["message"] == 4


def test_a_copy_needs_a_store_of_this_version(store: str, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path / 'copy.db'}"
    with closing(sqlite3.connect(tmp_path / "empty.db")) as db:
        db.execute("CREATE TABLE other (id INTEGER)")
    with closing(sqlite3.connect(tmp_path / "store.db")) as db:
        db.execute("UPDATE alembic_version SET version_num = '0001'")
        db.commit()
    missing, foreign = code_of(f"sqlite:///{tmp_path / 'none.db'}", target), f"sqlite:///{tmp_path / 'empty.db'}"

    assert missing == code_of(foreign, target) == ("store_missing", "from")
    assert code_of(store, target) == ("store_too_old", "from")
    assert code_of(store, store) == ("store_not_empty", "to")
    assert not (tmp_path / "none.db").exists()
    assert not (tmp_path / "copy.db").exists()


def test_a_copy_refuses_while_a_daemon_runs_and_no_daemon_starts_meanwhile(store: str, tmp_path: Path) -> None:
    """The lock is that of the home in whose folder the file is, whether the home was named or not."""
    (tmp_path / "node.toml").write_text("")
    target = f"sqlite:///{tmp_path / 'copy.db'}"
    with only_daemon(tmp_path):
        refused = code_of(store, target)
    held: list[bool] = []

    def look(*_: Any) -> None:
        if not held:
            with pytest.raises(EnlaceError, match="already runs"), only_daemon(tmp_path):
                pass
            held.append(True)

    with listening(look):
        copy(store, target, None)

    assert refused == ("already_running", None)
    assert held == [True]


@contextmanager
def listening(function: Callable[..., None]) -> Any:
    event.listen(Engine, "before_cursor_execute", function)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", function)


def test_a_database_that_others_use_is_refused(store: str) -> None:
    """A daemon of PostgreSQL has no file with a lock; its sessions are seen."""
    import psycopg

    target = postgres.database(empty=True)
    with closing(psycopg.connect(target.replace("+psycopg", ""))):
        used = code_of(store, target)

    assert used == ("store_in_use", "to")


def _killed_at(statement: int, source: str, target: str) -> None:
    counted = 0

    def count(*_: Any) -> None:
        nonlocal counted
        counted += 1
        if counted == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    for moment in ("before_cursor_execute", "commit"):
        event.listen(Engine, moment, count)
    copy(source, target, None)


@pytest.mark.parametrize("statement", [20, pytest.param(150, marks=pytest.mark.slow), 10**6])
@pytest.mark.parametrize("where", DATABASES.values(), ids=DATABASES)
def test_a_copy_that_was_killed_leaves_an_empty_database_and_is_repeated(
    where: Where, statement: int, store: str, tmp_path: Path
) -> None:
    """A copy that was not killed is whole."""
    target = where(tmp_path)
    process = _context.Process(target=_killed_at, args=(statement, store, target))
    process.start()
    process.join()
    killed = process.exitcode == -signal.SIGKILL

    assert killed == (statement < 10**6)
    if killed:
        assert copy(store, target, None).tables["message"] == 4
    else:
        assert code_of(store, target) == ("store_not_empty", "to")


def test_a_copy_that_differs_is_dropped(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every row of the copy is read again before it counts."""
    copied = copy_rows.copy_rows

    def losing_a_row(source: Any, target: Any) -> Any:
        done = copied(source, target)
        target.execute(text("UPDATE link SET sealed_at = sealed_at + 1 WHERE first = 3"))
        return done

    monkeypatch.setattr(copy_store, "copy_rows", losing_a_row)

    assert code_of(store, f"sqlite:///{tmp_path / 'copy.db'}") == ("copy_differs", "to")
    assert not (tmp_path / "copy.db").exists()


def test_a_password_is_in_no_answer_and_in_no_error(store: str) -> None:
    for url in ("postgresql+psycopg://u:hidden@127.0.0.1:1/x", "mysql://u:hidden@h/x", "postgresql://u:hidden@h:x/x"):
        ran = cli("db", "copy", store, url)

        assert ran.exit == (4 if "127" in url else 2)
        assert "hidden" not in ran.out + ran.err


def test_findings_about_the_chains_of_the_store_end_the_copy_with_1(store: str, tmp_path: Path) -> None:
    """The copy is as faithful as the store is; an operator decides."""
    with closing(sqlite3.connect(tmp_path / "store.db")) as db:
        db.execute("UPDATE link SET hash = zeroblob(32) WHERE originator = 'BZ'")
        db.commit()
    ran = cli("db", "copy", store, f"sqlite:///{tmp_path / 'copy.db'}")

    assert ran.exit == 1
    assert {finding["code"] for finding in ran.objects[0]["findings"]} >= {"record_differs"}


@pytest.mark.parametrize(
    ("change", "table"),
    [
        ("UPDATE link SET sealed_at = 'soon' WHERE first = 3", "link"),
        ("UPDATE batch_outcome SET due = 1 << 40", "batch_outcome"),
        ("UPDATE access_log SET reason = 'a' || char(0) || 'b'", "access_log"),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_damage_of_the_store_that_is_read(
    store: str, tmp_path: Path, change: str, table: str
) -> None:
    """SQLite stores any value in any column. The copy stays empty, and the error names the table."""
    with closing(sqlite3.connect(tmp_path / "store.db")) as db:
        assert db.execute(change).rowcount > 0
        db.commit()
    target = postgres.database(empty=True)

    ran = cli("db", "copy", store, target)

    assert (ran.exit, ran.error["code"]) == (2, "store_damaged")
    assert table in ran.error["message"]
    assert code_of(store, target) == ("store_damaged", "store.url")


def test_a_database_that_the_server_does_not_have_is_an_error_of_the_address(store: str) -> None:
    """Waiting does not help; a server that does not answer is another error, with a hint about host and port."""
    empty = make_url(postgres.database(empty=True))
    url = empty.set(database="no_such_database").render_as_string(hide_password=False)
    refused = [cli("db", "copy", *addresses) for addresses in ((store, url), (url, store))]
    away = cli("db", "copy", store, "postgresql+psycopg://u@127.0.0.1:1/x")

    assert [(ran.exit, ran.error["code"], ran.error["path"]) for ran in refused] == [
        (2, "store_refused", "TO"),
        (2, "store_refused", "FROM"),
    ]
    assert (away.exit, away.error["path"]) == (4, "TO")
    assert "host and port" in away.error["hint"]
