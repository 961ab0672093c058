"""node/database/sqlite_backend.py: the write-ahead log is copied into the file beside the transactions."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from node.database.sqlite_backend import CHECKPOINT_COMMITS, Checkpoints


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database that copies nothing by itself."""
    with closing(sqlite3.connect(tmp_path / "some.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("CREATE TABLE row (number INTEGER)")
        yield connection


def in_the_file(folder: Path) -> int:
    """The number of rows that the file has without its write-ahead log; -1 if it has not even the table."""
    copy = folder / "copy.db"
    shutil.copyfile(folder / "some.db", copy)
    with closing(sqlite3.connect(copy)) as connection:
        try:
            [(rows,)] = connection.execute("SELECT count(*) FROM row")
        except sqlite3.DatabaseError:
            return -1
    return int(rows)


@pytest.mark.parametrize(("commits", "rows"), [(CHECKPOINT_COMMITS - 1, -1), (CHECKPOINT_COMMITS, 1)])
def test_the_log_is_copied_after_some_commits(
    tmp_path: Path, database: sqlite3.Connection, commits: int, rows: int
) -> None:
    """Not before; `close` waits for the copying."""
    database.execute("INSERT INTO row VALUES (1)")
    checkpoints = Checkpoints(tmp_path / "some.db")
    for _ in range(commits):
        checkpoints.committed()
    checkpoints.close()

    assert in_the_file(tmp_path) == rows


def test_a_file_that_was_removed_is_not_made_by_the_copying(tmp_path: Path) -> None:
    """The writing thread meets the fault."""
    checkpoints = Checkpoints(tmp_path / "absent.db")
    for _ in range(CHECKPOINT_COMMITS):
        checkpoints.committed()
    checkpoints.close()

    assert not (tmp_path / "absent.db").exists()
