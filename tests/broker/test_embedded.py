"""The embedded log beyond the port: its file, disk errors, threads, and how soon a waiting reader wakes."""

import asyncio
import shutil
import sqlite3
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from broker.embedded import connection as embedded_connection
from broker.embedded import file as embedded_file
from broker.embedded.connection import translating
from broker.embedded.file import LogFile
from broker.embedded.log import EmbeddedLog
from broker.embedded.reader import LogReader
from broker.log import Bounds, LogUnavailable, LogUnusable

TOPIC = "keys.bz"
WAL_HEADER_BYTES = 32
WAL_FRAME_BYTES = 4096 + 24
WAKE_SECONDS_MAX = 0.1  # measured 3 ms; the machine may be busy with other tests


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log file with one topic."""
    file = LogFile(tmp_path / "log.db")
    file.create([TOPIC])
    file.close()
    return file.path


def read(path: Path) -> list[bytes | None]:
    """All values of the topic."""
    reader = LogReader(path)
    _, fetched = reader.read({TOPIC: 0}, 1000)
    reader.close()
    return [entry.value for answer in fetched for entry in answer.entries]


async def test_a_reader_wakes_within_milliseconds_of_a_commit(path: Path) -> None:
    """The median of many commits."""
    reader, writer = EmbeddedLog(path), EmbeddedLog(path)
    delays = []
    for position in range(50):
        waiting = asyncio.create_task(reader.fetch({TOPIC: position}, records_max=10, wait_seconds=60))
        await asyncio.wait([waiting], timeout=0.002)
        await writer.append(TOPIC, [b"x"])
        committed = time.monotonic()
        await waiting
        delays.append(time.monotonic() - committed)
    await reader.close()
    await writer.close()

    assert statistics.median(delays) < WAKE_SECONDS_MAX


async def test_close_leaves_no_thread(path: Path) -> None:
    """Neither the one for `fetch` nor the one for other operations."""
    log = EmbeddedLog(path)
    await log.append(TOPIC, [b"x"])
    await log.fetch({TOPIC: 0}, records_max=10, wait_seconds=0)
    await log.close()

    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("log-")] == []
    with pytest.raises(RuntimeError, match="closed"):
        await log.append(TOPIC, [b"x"])


def test_a_full_disk_acknowledges_nothing_and_recovers(path: Path) -> None:
    """SQLITE_FULL is retriable."""
    file = LogFile(path)
    file.append(TOPIC, [b"before"])
    file.opened(make=False).execute("PRAGMA max_page_count = 1")

    with pytest.raises(LogUnavailable, match="SQLITE_FULL"):
        file.append(TOPIC, [b"lost", bytes(100_000)])

    assert file.append(TOPIC, [b"after"]) == 2
    file.close()
    assert read(path) == [b"before", b"after"]


def test_a_read_only_disk_acknowledges_nothing_and_recovers(path: Path) -> None:
    """SQLITE_READONLY is retriable."""
    file = LogFile(path)
    file.opened(make=False).execute("PRAGMA query_only = 1")

    with pytest.raises(LogUnavailable, match="SQLITE_READONLY"):
        file.append(TOPIC, [b"lost"])

    file.append(TOPIC, [b"after"])
    file.close()
    assert read(path) == [b"after"]


def test_a_lock_that_is_not_released_makes_the_log_unavailable_and_readers_continue(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The busy timeout limits the wait."""
    monkeypatch.setattr(embedded_connection, "BUSY_SECONDS_MAX", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    file = LogFile(path)

    with pytest.raises(LogUnavailable, match="SQLITE_BUSY"):
        file.append(TOPIC, [b"lost"])
    assert read(path) == []
    other.close()
    file.append(TOPIC, [b"after"])

    file.close()
    assert read(path) == [b"after"]


def test_other_errors_of_the_file_pass_through_unchanged() -> None:
    """An I/O error is not retriable."""

    class Broken(LogFile):
        @translating
        def verb(self) -> None:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error

    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        Broken(Path("unused")).verb()


def test_a_file_that_is_not_a_database_is_unusable(tmp_path: Path) -> None:
    """Anybody who can write to it can make it so; the process does not end."""
    path = tmp_path / "log.db"
    path.write_bytes(b"nonsense" * 1000)

    with pytest.raises(LogUnusable, match="not a database"):
        LogFile(path).topics()


def test_a_file_of_another_schema_version_is_refused(path: Path) -> None:
    """The message has its version."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()

    with pytest.raises(LogUnusable, match="version 7"):
        LogFile(path).topics()


def test_only_provisioning_creates_a_file(tmp_path: Path) -> None:
    """A mistyped path does not look like an empty log."""
    path = tmp_path / "mistyped.db"

    with pytest.raises(LogUnavailable):
        LogFile(path).topics()
    assert not path.exists()


def test_an_open_file_that_was_removed_acknowledges_nothing(path: Path) -> None:
    """What is written to a file without a name reaches no reader. Work goes on when the file is back."""
    file, reader = LogFile(path), LogReader(path)
    file.append(TOPIC, [b"before"])
    reader.read({TOPIC: 0}, 1)
    away = path.rename(path.with_name("away.db"))
    for call in (lambda: file.append(TOPIC, [b"lost"]), lambda: reader.read({TOPIC: 0}, 1)) * 2:
        with pytest.raises(LogUnavailable):
            call()
    away.rename(path)

    assert file.append(TOPIC, [b"after"]) == 2
    assert [entry.value for found in reader.read({TOPIC: 0}, 9)[1] for entry in found.entries] == [b"before", b"after"]
    file.close()
    reader.close()


def test_an_open_file_that_was_replaced_is_named_once_and_the_new_one_is_used(path: Path, tmp_path: Path) -> None:
    """The caller learns it before it reads or writes the other file."""
    file, reader = LogFile(path), LogReader(path)
    file.append(TOPIC, [b"old"])
    reader.read({TOPIC: 0}, 1)
    other = LogFile(tmp_path / "other.db")
    other.create([TOPIC])
    other.append(TOPIC, [b"other"])
    other.close()
    for part in tmp_path.glob("log.db*"):
        part.unlink()
    other.path.rename(path)
    for call in (file.topics, lambda: reader.read({TOPIC: 0}, 1)):
        with pytest.raises(LogUnavailable, match="replaced"):
            call()

    assert file.append(TOPIC, [b"new"]) == 2
    assert [entry.value for found in reader.read({TOPIC: 0}, 9)[1] for entry in found.entries] == [b"other", b"new"]
    file.close()
    reader.close()


def test_a_file_without_tables_makes_the_log_unavailable(tmp_path: Path) -> None:
    """Another process may be creating them at this moment."""
    path = tmp_path / "log.db"
    path.touch()

    with pytest.raises(LogUnavailable, match="provision"):
        LogFile(path).topics()


def test_twelve_threads_create_the_file_at_the_same_time(tmp_path: Path) -> None:
    """Each topic is created by exactly one of them."""
    path = tmp_path / "log.db"

    def create(_: int) -> tuple[str, ...]:
        file = LogFile(path)
        try:
            return file.create([TOPIC, "keys.gt"])
        finally:
            file.close()

    with ThreadPoolExecutor(12) as threads:
        created = list(threads.map(create, range(12)))

    assert sorted(created) == [()] * 11 + [(TOPIC, "keys.gt")]


def test_an_auditor_reads_the_file_with_plain_sql(path: Path) -> None:
    """The statement in the docstring of the module works."""
    file = LogFile(path)
    file.append(TOPIC, [b"a", b"bc"])
    file.close()
    statement = next(line for line in (embedded_file.__doc__ or "").splitlines() if "SELECT" in line)
    connection = sqlite3.connect(path)

    rows = connection.execute(statement.replace("intel.caribbean.bz", TOPIC)).fetchall()

    assert [(position, length) for position, length, _ in rows] == [(0, 1), (1, 2)]
    assert connection.execute("SELECT name, beginning FROM topic").fetchall() == [(TOPIC, 0)]
    connection.close()


def test_rows_that_someone_edited_or_deleted_stay_readable(path: Path) -> None:
    """The log does not hide or repair them; the chain of batches shows the change."""
    file = LogFile(path)
    file.append(TOPIC, [b"a", b"b", b"c", b"d"])
    connection = file.opened(make=False)
    connection.execute("UPDATE record SET value = 'text' WHERE position = 1")
    connection.execute("UPDATE record SET value = x'ff' WHERE position = 2")
    connection.execute("DELETE FROM record WHERE position = 0")
    file.close()

    assert read(path) == [b"text", b"\xff", b"d"]


def test_a_topic_that_was_deleted_and_created_again_is_not_taken_for_the_old_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader's position 2 does not exist in the new, empty topic."""
    file, reader = LogFile(path), LogReader(path)
    file.append(TOPIC, [b"a", b"b"])
    assert reader.read({TOPIC: 2}, 10)[1] == []
    file.delete(TOPIC)
    later = time.time_ns() // 1_000_000 + 1  # table topic distinguishes the two by their millisecond
    monkeypatch.setattr(embedded_file, "_now", lambda: later)
    file.create([TOPIC])

    [fetched] = reader.read({TOPIC: 2}, 10)[1]

    assert fetched.fault == "out_of_range"
    assert file.bounds([TOPIC]) == {TOPIC: Bounds(beginning=0, end=0)}
    file.close()
    reader.close()


def test_a_write_ahead_log_cut_anywhere_leaves_a_whole_prefix(path: Path, tmp_path: Path) -> None:
    """Each copy ends at another page, or inside a page."""
    file = LogFile(path)
    appended = [f"value {number}".encode() * 100 for number in range(12)]
    for value in appended:
        file.append(TOPIC, [value])
    wal = path.with_name("log.db-wal").read_bytes()
    frames = (len(wal) - WAL_HEADER_BYTES) // WAL_FRAME_BYTES
    lengths = set()
    for frame in range(frames + 1):
        for torn in (0, WAL_FRAME_BYTES // 2):
            copy = tmp_path / f"copy{frame}-{torn}" / "log.db"
            copy.parent.mkdir()
            shutil.copy(path, copy)
            copy.with_name("log.db-wal").write_bytes(wal[: WAL_HEADER_BYTES + frame * WAL_FRAME_BYTES + torn])
            values = read(copy)
            assert values == appended[: len(values)]
            lengths.add(len(values))
    file.close()

    assert lengths == set(range(13))
