"""What is particular to the embedded log: its file, its disk, its threads, and how fast it wakes."""

import asyncio
import shutil
import sqlite3
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from broker.embedded import file as embedded_file
from broker.embedded.file import LogFile, translating
from broker.embedded.log import EmbeddedLog
from broker.embedded.reader import LogReader
from broker.log import Bounds, LogError, LogUnavailable

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
    return [entry.value for item in fetched for entry in item.entries]


async def test_a_reader_wakes_within_milliseconds_of_a_commit(path: Path) -> None:
    """By polling the data version, not by luck: the median of many."""
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
    """Neither of the reader nor of the desk."""
    log = EmbeddedLog(path)
    await log.append(TOPIC, [b"x"])
    await log.fetch({TOPIC: 0}, records_max=10, wait_seconds=0)
    await log.close()

    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("log-")] == []
    with pytest.raises(RuntimeError, match="closed"):
        await log.append(TOPIC, [b"x"])


def test_a_full_disk_acknowledges_nothing_and_recovers(path: Path) -> None:
    """SQLITE_FULL is the world's fault: try again later."""
    file = LogFile(path)
    file.append(TOPIC, [b"before"])
    file.opened(make=False).execute("PRAGMA max_page_count = 1")

    with pytest.raises(LogUnavailable, match="SQLITE_FULL"):
        file.append(TOPIC, [b"lost", bytes(100_000)])

    assert file.append(TOPIC, [b"after"]) == 2
    file.close()
    assert read(path) == [b"before", b"after"]


def test_a_read_only_disk_acknowledges_nothing_and_recovers(path: Path) -> None:
    """SQLITE_READONLY too."""
    file = LogFile(path)
    file.opened(make=False).execute("PRAGMA query_only = 1")

    with pytest.raises(LogUnavailable, match="SQLITE_READONLY"):
        file.append(TOPIC, [b"lost"])

    file.append(TOPIC, [b"after"])
    file.close()
    assert read(path) == [b"after"]


def test_a_lock_that_does_not_come_free_is_unavailable_and_readers_go_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded by the busy timeout."""
    monkeypatch.setattr(embedded_file, "BUSY_SECONDS_MAX", 0.05)
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


def test_other_errors_of_the_file_go_up_as_they_are() -> None:
    """An I/O error is never retried as if it might succeed."""

    class Broken(LogFile):
        @translating
        def verb(self) -> None:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error

    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        Broken(Path("unused")).verb()


def test_a_file_that_is_no_database_goes_up_as_it_is(tmp_path: Path) -> None:
    """It will not get better."""
    path = tmp_path / "log.db"
    path.write_bytes(b"nonsense" * 1000)

    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        LogFile(path).topics()


def test_a_file_of_another_schema_version_is_refused(path: Path) -> None:
    """With both versions in the message."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()

    with pytest.raises(LogError, match="version 7") as raised:
        LogFile(path).topics()
    assert not raised.value.retriable


def test_only_provisioning_makes_a_file(tmp_path: Path) -> None:
    """A mistyped path is unavailable, not empty."""
    path = tmp_path / "mistyped.db"

    with pytest.raises(LogUnavailable):
        LogFile(path).topics()
    assert not path.exists()


def test_a_file_without_tables_is_not_there_yet(tmp_path: Path) -> None:
    """Another process may be making it at this moment."""
    path = tmp_path / "log.db"
    path.touch()

    with pytest.raises(LogUnavailable, match="provision"):
        LogFile(path).topics()


def test_twelve_may_make_the_file_at_once(tmp_path: Path) -> None:
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
    """The statement in the module's docstring."""
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
    """The log hides nothing and repairs nothing; the chain shows it."""
    file = LogFile(path)
    file.append(TOPIC, [b"a", b"b", b"c", b"d"])
    connection = file.opened(make=False)
    connection.execute("UPDATE record SET value = 'text' WHERE position = 1")
    connection.execute("UPDATE record SET value = x'ff' WHERE position = 2")
    connection.execute("DELETE FROM record WHERE position = 0")
    file.close()

    assert read(path) == [b"text", b"\xff", b"d"]


def test_a_topic_made_again_while_nobody_looked_does_not_pass_for_the_old_one(path: Path) -> None:
    """A reader at 2 of a topic that is empty now learns that its position is gone."""
    file, reader = LogFile(path), LogReader(path)
    file.append(TOPIC, [b"a", b"b"])
    assert reader.read({TOPIC: 2}, 10)[1] == []
    file.delete(TOPIC)
    created = time.time_ns()
    while time.time_ns() - created < 2_000_000:  # table topic tells the two apart by their millisecond
        pass
    file.create([TOPIC])

    [fetched] = reader.read({TOPIC: 2}, 10)[1]

    assert fetched.fault == "out_of_range"
    assert file.bounds([TOPIC]) == {TOPIC: Bounds(beginning=0, end=0)}
    file.close()
    reader.close()


def test_a_write_ahead_log_cut_anywhere_leaves_a_whole_prefix(path: Path, tmp_path: Path) -> None:
    """A copied file whose end is missing: at each page, and inside each."""
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
            found = read(copy)
            assert found == appended[: len(found)]
            lengths.add(len(found))
    file.close()

    assert lengths == set(range(13))
