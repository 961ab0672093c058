"""The file of the embedded log, after somebody wrote to it with SQL: what it says is checked before it is used.

A fault of one topic leaves the other topics and, where that is possible, the records of the same topic. A file that is
not that of a log makes the log unusable until it is repaired. Nothing of it is a bug, and nothing takes long.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from broker.embedded import reader as embedded_reader
from broker.embedded.connection import CALL_SECONDS_MAX
from broker.embedded.file import LogFile
from broker.embedded.log import EmbeddedLog
from broker.embedded.reader import LogReader
from broker.log import POSITION_MAX, TOPICS_MAX, VALUE_SIZE_BYTES_MAX, Bounds, Fault, Fetched, LogUnusable
from tests.support.logs import spec

TOPIC, OTHER = "intel.caribbean.bz", "intel.caribbean.gt"
QUICK_SECONDS = CALL_SECONDS_MAX + 5  # the machine may be busy with other tests

INSERT = f"INSERT INTO record (topic, position, value, appended_at) VALUES ('{TOPIC}', "
LEFT_OUT: dict[str, str] = {
    "a position of 2^63 - 1": INSERT + "9223372036854775807, x'00', 0)",
    "the first position above the highest": INSERT + f"{POSITION_MAX + 1}, x'00', 0)",
    "a negative position": INSERT + "-5, x'00', 0)",
    "a position that is a text": INSERT + "'zz', x'00', 0)",
    "a position that is a blob": INSERT + "x'ff', x'00', 0)",
    "a position between two others": INSERT + "0.5, x'00', 0)",
    "a position that is an infinite number": INSERT + "9e999, x'00', 0)",
    "a beginning that is a text": f"UPDATE topic SET beginning = 'x' WHERE name = '{TOPIC}'",
    "a beginning that is a blob": f"UPDATE topic SET beginning = x'41' WHERE name = '{TOPIC}'",
    "a beginning that is no integer": f"UPDATE topic SET beginning = 0.5 WHERE name = '{TOPIC}'",
    "a negative beginning": f"UPDATE topic SET beginning = -1 WHERE name = '{TOPIC}'",
    "a beginning of 2^63 - 1": f"UPDATE topic SET beginning = 9223372036854775807 WHERE name = '{TOPIC}'",
}
"""What cannot be a record, or a beginning. The records of the topic are delivered."""

HARMLESS: dict[str, str] = {
    "a time of creation that is a text": f"UPDATE topic SET created = 'then' WHERE name = '{TOPIC}'",
    "a time of a record that is a blob": "UPDATE record SET appended_at = x'ff'",
    "a topic whose name is a blob": "INSERT INTO topic VALUES (x'ff', 0, 0)",
    "a topic without a name": "INSERT INTO topic VALUES (NULL, 0, 0)",
    "a topic whose name is not UTF-8": "INSERT INTO topic VALUES (CAST(x'ff41' AS TEXT), 0, 0)",
    "a topic whose name is very long": "INSERT INTO topic VALUES (printf('%.*c', 6000000, 'x'), 0, 0)",
    "a record of a topic that does not exist": INSERT.replace(TOPIC, "nowhere") + "0, x'00', 0)",
    "a record of a topic whose name is very long": INSERT.replace(f"'{TOPIC}'", "printf('%.*c', 6000000, 'x')")
    + "0, x'00', 0)",
    "another table": "CREATE TABLE other (x)",
    "a record with the highest id of all": INSERT.replace(TOPIC, "nowhere")
    .replace("(topic", "(id, topic")
    .replace("VALUES (", "VALUES (9223372036854775807, ")
    + "0, x'00', 0)",
    "a number of the sequence that is a text": "UPDATE sqlite_sequence SET seq = 'zz'",
}
"""What changes nothing for a reader."""

UNUSABLE: dict[str, tuple[str, ...]] = {
    "a view that never ends": (
        "ALTER TABLE record RENAME TO kept",
        f"CREATE VIEW record AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
        f"SELECT x AS id, '{TOPIC}' AS topic, -x AS position, x'00' AS value, 0 AS appended_at FROM n",
    ),
    "a view of topics": ("ALTER TABLE topic RENAME TO kept", "CREATE VIEW topic AS SELECT * FROM kept"),
    "a trigger": ("CREATE TRIGGER t BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'no'); END",),
    "an index more": ("CREATE INDEX i ON record (zeroblob(position))",),
    "a missing table": ("DROP TABLE record",),
    "a missing column": ("ALTER TABLE record DROP COLUMN appended_at",),
    "a column more": ("ALTER TABLE record ADD COLUMN more",),
    "a column that is computed": (
        "ALTER TABLE topic RENAME TO kept",
        "CREATE TABLE topic (name TEXT PRIMARY KEY, beginning AS (1), created INTEGER NOT NULL)",
    ),
    "a virtual table": ("ALTER TABLE topic RENAME TO kept", "CREATE VIRTUAL TABLE topic USING fts5(name)"),
    "a table without its index": (
        "ALTER TABLE record RENAME TO kept",
        "CREATE TABLE record (id INTEGER PRIMARY KEY, topic TEXT, position, value, appended_at)",
    ),
    "another version": ("PRAGMA user_version = 7",),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log file with two topics; the first has the records a, b and c."""
    file = LogFile(tmp_path / "log.db")
    file.create([TOPIC, OTHER])
    file.append(TOPIC, [b"a", b"b", b"c"])
    file.append(OTHER, [b"x"])
    file.close()
    return file.path


def change(path: Path, *statements: str) -> None:
    """Change the file as anybody can who may write to it."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def read(reader: LogReader, topic: str = TOPIC, *, rounds: int = 3) -> tuple[list[bytes | None], set[Fault | None]]:
    """The values of a topic, and the faults that were reported for it meanwhile."""
    position, values, faults = 0, list[bytes | None](), set[Fault | None]()
    for _ in range(rounds):
        for answer in reader.read({OTHER: 1} | {topic: position}, 1000)[1]:
            if answer.topic == topic:
                values += [entry.value for entry in answer.entries]
                faults.add(answer.fault)
                position = answer.entries[-1].position + 1 if answer.entries else position
    reader.close()
    return values, faults - {None}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_cannot_be_a_record_is_left_out_and_reported(name: str, path: Path) -> None:
    """The records of the topic are delivered, the other topic has no fault, and an append goes on behind them."""
    change(path, LEFT_OUT[name])
    file = LogFile(path)

    assert read(LogReader(path)) == ([b"a", b"b", b"c"], {Fault.MALFORMED})
    assert read(LogReader(path), OTHER) == ([b"x"], set())
    bounds = file.bounds([TOPIC, OTHER])
    assert bounds[OTHER] == Bounds(beginning=0, end=1)
    assert (bounds[TOPIC].beginning, bounds[TOPIC].end) == (0, 3)
    assert bounds[TOPIC].malformed == ("between" not in name)  # that is seen only where it is read
    assert file.append(TOPIC, [b"d"]) == 4
    file.close()
    assert read(LogReader(path))[0] == [b"a", b"b", b"c", b"d"]


def test_records_below_the_beginning_of_their_topic_are_reported(path: Path) -> None:
    """No log keeps them when its beginning moves, so no other check finds that they are not read."""
    change(path, f"UPDATE topic SET beginning = 7 WHERE name = '{TOPIC}'")
    file, reader = LogFile(path), LogReader(path)
    answers = reader.read({TOPIC: 7, OTHER: 1}, 10)[1]
    bounds = file.bounds([TOPIC, OTHER])
    file.close()
    reader.close()

    assert answers == [Fetched(topic=TOPIC, entries=(), fault=Fault.MALFORMED)]
    assert bounds == {TOPIC: Bounds(beginning=7, end=7, malformed=True), OTHER: Bounds(beginning=0, end=1)}


@pytest.mark.parametrize(
    ("time", "expected"),
    [("1", 1), (f"{POSITION_MAX}", POSITION_MAX), (f"{POSITION_MAX + 1}", None), ("0", None), ("-1", None)],
)
def test_a_time_that_no_log_writes_is_not_known(time: str, expected: int | None, path: Path) -> None:
    """A node judges its clock by the times of two topics: before 1970 they would stop it."""
    change(path, f"UPDATE record SET appended_at = {time} WHERE topic = '{OTHER}'")
    reader = LogReader(path)
    [answer] = reader.read({OTHER: 0}, 10)[1]
    reader.close()

    assert [entry.appended_at for entry in answer.entries] == [expected]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_no_reader_needs_changes_nothing(name: str, path: Path) -> None:
    change(path, HARMLESS[name])
    file, reader = LogFile(path), LogReader(path)

    assert file.topics() == {TOPIC, OTHER}
    assert file.append(TOPIC, [b"d"]) == 4
    file.close()
    assert read(reader) == ([b"a", b"b", b"c", b"d"], set())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("NULL", None),
        ("'text'", b"text"),
        ("7", b"7"),
        ("-1.5", b"-1.5"),
        (f"zeroblob({VALUE_SIZE_BYTES_MAX})", bytes(VALUE_SIZE_BYTES_MAX)),
        (f"zeroblob({VALUE_SIZE_BYTES_MAX + 1})", bytes(VALUE_SIZE_BYTES_MAX + 1)),
        ("zeroblob(20000000)", bytes(VALUE_SIZE_BYTES_MAX + 1)),
        ("printf('%.*c', 5000000, 'x')", b"x" * (VALUE_SIZE_BYTES_MAX + 1)),
    ],
)
def test_a_value_of_any_type_and_length_is_read_as_bytes_and_not_beyond_the_limit(
    value: str, expected: bytes | None, path: Path
) -> None:
    """Verification refuses it. The records behind it are read."""
    change(path, f"UPDATE record SET value = {value} WHERE position = 1 AND topic = '{TOPIC}'")

    assert read(LogReader(path)) == ([b"a", expected, b"c"], set())


READER = """
import json, resource, sys
from pathlib import Path
from broker.embedded.reader import LogReader
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before, reader = peak(), LogReader(Path(sys.argv[1]))
values = [len(entry.value) for answer in reader.read({sys.argv[2]: 0}, 1000)[1] for entry in answer.entries]
print(json.dumps({"values": values, "grown_mb": peak() - before}))
"""


@pytest.mark.parametrize("column", ["value", "appended_at"])
def test_a_huge_blob_is_not_loaded(column: str, path: Path) -> None:
    """Neither where it is the value nor where it is beside it."""
    change(path, f"UPDATE record SET {column} = zeroblob(150000000) WHERE position = 1 AND topic = '{TOPIC}'")
    ran = subprocess.run([sys.executable, "-c", READER, str(path), TOPIC], capture_output=True, text=True, check=True)
    answer = json.loads(ran.stdout)

    assert answer["values"] == [1, VALUE_SIZE_BYTES_MAX + 1 if column == "value" else 1, 1]
    assert answer["grown_mb"] < 30


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_with_other_tables_is_unusable_until_it_is_repaired(name: str, path: Path, tmp_path: Path) -> None:
    """Each call says so at once; after the repair the same objects work."""
    shutil.copy(path, whole := tmp_path / "whole.db")
    change(path, *UNUSABLE[name])
    file, reader = LogFile(path), LogReader(path)
    calls: list[Callable[[], object]] = [
        file.topics,
        lambda: file.bounds([TOPIC]),
        lambda: file.append(TOPIC, [b"d"]),
        lambda: reader.read({TOPIC: 0, OTHER: 0}, 10),
    ]
    begun = time.monotonic()
    for call in calls:
        with pytest.raises(LogUnusable) as raised:
            call()
        assert raised.value.retriable
    assert time.monotonic() - begun < QUICK_SECONDS

    for companion in path.parent.glob("log.db*"):
        companion.unlink()
    shutil.copy(whole, path)
    assert file.bounds([TOPIC]) == {TOPIC: Bounds(beginning=0, end=3)}
    file.close()
    assert read(reader) == ([b"a", b"b", b"c"], set())


def test_tables_that_change_while_the_log_is_open_are_noticed(path: Path) -> None:
    file, reader = LogFile(path), LogReader(path)
    assert file.bounds([TOPIC])[TOPIC].end == 3
    reader.read({TOPIC: 3}, 10)
    change(path, *UNUSABLE["a trigger"])

    with pytest.raises(LogUnusable, match="trigger t"):
        file.append(TOPIC, [b"d"])
    with pytest.raises(LogUnusable, match="trigger t"):
        reader.read({TOPIC: 3}, 10)


@pytest.mark.parametrize("made", ["folder", "pipe", "other bytes", "half of it"])
def test_what_is_not_the_file_of_a_log_is_unusable(made: str, path: Path) -> None:
    content = path.read_bytes()
    for companion in path.parent.glob("log.db*"):
        companion.unlink()
    match made:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "other bytes":
            path.write_bytes(b"nonsense" * 1000)
        case _:
            path.write_bytes(content[: len(content) // 2])
    file = LogFile(path)

    with pytest.raises(LogUnusable):
        file.append(TOPIC, [b"d"])


def test_endless_rows_of_one_topic_are_a_fault_of_this_topic(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are no records are not passed over for ever. The other topic is read, and the query is not repeated."""
    monkeypatch.setattr(embedded_reader, "TOPIC_SECONDS_MAX", 0.0)
    many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 30000)"
    rows = f"SELECT '{TOPIC}', 1.0 / (x + 1), x'00', 0 FROM n"
    change(
        path,
        f"DELETE FROM record WHERE topic = '{TOPIC}' AND position = 0",
        f"INSERT INTO record (topic, position, value, appended_at) {many} {rows}",
    )
    reader = LogReader(path)
    first = {answer.topic: answer for answer in reader.read({TOPIC: 0, OTHER: 0}, 100)[1]}
    monkeypatch.setattr(embedded_reader, "TOPIC_SECONDS_MAX", 60.0)
    second = reader.read({TOPIC: 0, OTHER: 1}, 100)[1]
    reader.close()

    assert (first[TOPIC].fault, first[TOPIC].entries) == (Fault.CORRUPT, ())
    assert [entry.value for entry in first[OTHER].entries] == [b"x"]
    assert second == [Fetched(topic=TOPIC, entries=(), fault=Fault.CORRUPT)]
    assert read(LogReader(path))[0] == [b"b", b"c"]


def test_a_statement_that_runs_is_interrupted_when_the_log_stops(path: Path) -> None:
    """A daemon that stops does not wait for a query of somebody else's making."""
    many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000)"
    change(path, f"INSERT INTO topic {many} SELECT 'topic.' || x, 0, 0 FROM n")
    reader, stop = LogReader(path), threading.Event()
    stop.set()

    with pytest.raises(LogUnusable, match="interrupted"):
        reader.read({TOPIC: 0, "missing": 0}, 10, stop)


def test_a_huge_number_of_topics_hides_no_topic_of_the_exchange(path: Path) -> None:
    many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 30000)"
    change(path, f"INSERT INTO topic {many} SELECT 'topic.' || x, 0, 0 FROM n")
    file = LogFile(path)
    late = "keys.bz"
    file.create([late])
    file.append(late, [b"k"])

    assert file.topics() >= {TOPIC, OTHER}
    assert len(file.topics()) == TOPICS_MAX
    assert set(file.bounds([TOPIC, late, "missing"])) == {TOPIC, late}
    file.close()
    assert read(LogReader(path), late) == ([b"k"], set())


async def test_a_fetch_reports_a_malformed_topic_once_and_then_waits(path: Path) -> None:
    """It does not turn without a pause."""
    change(path, LEFT_OUT["a position that is a text"])
    log = EmbeddedLog(path)
    first = await log.fetch({TOPIC: 3}, records_max=10, wait_seconds=60)
    begun = time.monotonic()
    second = await log.fetch({TOPIC: 3}, records_max=10, wait_seconds=0.2)
    await log.close()

    assert [first, second] == [[Fetched(topic=TOPIC, entries=(), fault=Fault.MALFORMED)]] * 2
    assert time.monotonic() - begun >= 0.2


async def test_checking_topics_finds_those_that_are_missing_among_many(path: Path) -> None:
    log = EmbeddedLog(path)
    drift = await log.check([spec(TOPIC), spec("keys.missing")])
    await log.close()

    assert [difference.topic for difference in drift] == ["keys.missing"]


def test_ids_of_deleted_records_are_not_used_again(path: Path) -> None:
    """An auditor counts them: the file numbered more records than it has."""
    change(path, "DELETE FROM record WHERE position > 0")
    file = LogFile(path)
    file.append(TOPIC, [b"d"])
    file.close()

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT max(id) FROM record").fetchone() == (5,)
