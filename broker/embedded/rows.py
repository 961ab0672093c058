"""Reads rows of the two tables and believes none of them: types, ranges and lengths are checked before a value is used.

SQLite stores a value of any type in any column. Rules.

- A position is an integer from 0 to `POSITION_MAX`. A row with another position is not a record.
- A beginning that is not such an integer counts as 0. A name that Kafka would refuse is not a topic.
- A time is such an integer too, above 0. Another one is not known: a node must not judge its clock by it.
- A value that is a text or a number is read as the bytes of its text: it fails verification, and not the reader.
- Of a value above `VALUE_SIZE_BYTES_MAX` only the beginning is read from the file.

Texts arrive as bytes here (connection.py).
"""

import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

from broker.embedded.connection import Connection
from broker.log import POSITION_MAX, TOPICS_MAX, VALUE_SIZE_BYTES_MAX, Bounds

TopicRow = tuple[int | None, int | None]
"""Beginning and time of creation of a topic; None for a value that is not an integer."""

Row = tuple[int | float, bytes | None, int | None]
"""Position, value and time of a row. A position that is a float is not that of a record."""

_TOPIC_NAME: Final = re.compile(rb"[A-Za-z0-9._-]{1,249}")
_TYPED: Final = "CASE typeof({0}) WHEN '{1}' THEN {0} END"
_COLUMNS: Final = ", ".join(
    _TYPED.format(*column) for column in (("name", "text"), ("beginning", "integer"), ("created", "integer"))
)
_TOPICS: Final = f"SELECT {_COLUMNS} FROM topic ORDER BY rowid LIMIT {TOPICS_MAX}"
_TOPIC: Final = f"SELECT {_COLUMNS} FROM topic WHERE name = ?"
_NAME: Final = f"SELECT {_COLUMNS} FROM topic WHERE rowid = ?"
_NEWEST_ID: Final = f"SELECT coalesce(max(id), 0) FROM record WHERE id BETWEEN 0 AND {2 * POSITION_MAX}"
_NUMBERED: Final = f"""
    SELECT seq FROM sqlite_sequence
    WHERE name = 'record' AND typeof(seq) = 'integer' AND seq BETWEEN 0 AND {2 * POSITION_MAX}"""
_TRUNCATED: Final = f"""
    SELECT total(beginning) FROM topic
    WHERE typeof(beginning) = 'integer' AND beginning BETWEEN 0 AND {POSITION_MAX}"""
_READ_IN_PARTS: Final = 0  # stands for a value that must not be loaded as a whole
_RECORDS: Final = f"""
    SELECT position, CASE
        WHEN typeof(value) = 'blob' AND length(value) <= {VALUE_SIZE_BYTES_MAX} OR typeof(value) IN ('integer', 'real')
        THEN CAST(value AS BLOB)
        WHEN typeof(value) <> 'null' THEN {_READ_IN_PARTS} END, id,
        CASE WHEN typeof(appended_at) = 'integer' AND appended_at BETWEEN 1 AND {POSITION_MAX} THEN appended_at END
    FROM record WHERE topic = ? AND position BETWEEN ? AND {POSITION_MAX} {{}} ORDER BY position LIMIT ?"""
_ALL: Final = _RECORDS.format("")
_INTEGERS_ONLY: Final = _RECORDS.format("AND typeof(position) = 'integer'")
_LAST: Final = f"""
    SELECT position FROM record WHERE topic = ? AND position BETWEEN 0 AND {POSITION_MAX}
    AND typeof(position) = 'integer' ORDER BY position DESC LIMIT 1"""
_FOREIGN: Final = f"""
    SELECT EXISTS (SELECT 1 FROM record WHERE topic = :topic AND position < :beginning)
    OR EXISTS (SELECT 1 FROM record WHERE topic = :topic AND position > {POSITION_MAX})"""


def is_position(value: object) -> bool:
    """Whether the value can be a position, or a beginning."""
    return type(value) is int and 0 <= value <= POSITION_MAX


def topic_names(connection: Connection) -> frozenset[str]:
    """The names of the topics, in the order of their creation at most `TOPICS_MAX`."""
    names = set()
    for row_id in connection.execute(f"SELECT rowid FROM topic ORDER BY rowid LIMIT {TOPICS_MAX}"):
        with suppress(sqlite3.DataError):  # a name that is too long to be loaded
            name = connection.execute(_NAME, row_id).fetchone()[0]
            if name is not None and _TOPIC_NAME.fullmatch(name):
                names.add(name.decode())
    return frozenset(names)


def topic_rows(connection: Connection, asked: Collection[str]) -> dict[str, TopicRow]:
    """The rows of the topics in `asked` that exist."""
    wanted = {topic.encode(): topic for topic in asked}
    found: dict[str, TopicRow] = {}
    seen = 0
    try:
        for name, beginning, created in connection.execute(_TOPICS):
            seen += 1
            if name in wanted:
                found[wanted[name]] = (beginning, created)
    except sqlite3.DataError:  # one of the names is too long to be loaded
        seen = TOPICS_MAX
    if seen == TOPICS_MAX:  # some may be behind them
        for topic in wanted.values():
            if topic not in found and (row := topic_row(connection, topic)) is not None:
                found[topic] = row
    return found


def topic_row(connection: Connection, topic: str) -> TopicRow | None:
    """The row of one topic; None if it does not exist."""
    row = connection.execute(_TOPIC, (topic,)).fetchone()
    return None if row is None else (row[1], row[2])


def bounds_of(connection: Connection, topic: str) -> Bounds | None:
    """Beginning and end of a topic; None if it does not exist. Malformed if its beginning is."""
    row = topic_row(connection, topic)
    if row is None:
        return None
    beginning = row[0] if row[0] is not None and is_position(row[0]) else 0
    last = connection.execute(_LAST, (topic,)).fetchone()
    end = beginning if last is None else max(beginning, last[0] + 1)
    return Bounds(beginning=beginning, end=end, malformed=not is_position(row[0]))


def checked_bounds_of(connection: Connection, topic: str) -> Bounds | None:
    """Beginning and end of a topic; malformed also if it has foreign rows."""
    bounds = bounds_of(connection, topic)
    if bounds is None or bounds.malformed or not has_foreign(connection, topic, bounds.beginning):
        return bounds
    return replace(bounds, malformed=True)


def has_foreign(connection: Connection, topic: str, beginning: int) -> bool:
    """Whether rows of the topic have positions below its beginning or above the limit, or texts or blobs as positions.

    Moving the beginning deletes the records below it, so no log has such a record.
    """
    return bool(connection.execute(_FOREIGN, {"topic": topic, "beginning": beginning}).fetchone()[0])


def newest_id(connection: Connection) -> int:
    """The highest id of a record; 0 without one."""
    newest: int = connection.execute(_NEWEST_ID).fetchone()[0]
    return newest


def next_id(connection: Connection) -> int:
    """The id of the next record: above each one that there is or was.

    SQLite itself refuses to go on behind the highest id of all, which anybody can write.
    """
    return max(newest_id(connection), last_number(connection)) + 1


def last_number(connection: Connection) -> int:
    """The highest id that SQLite gave to a record, also to one that was deleted; 0 if the file has no such number."""
    numbered = connection.execute(_NUMBERED).fetchone()
    return numbered[0] if numbered is not None else 0


def count(connection: Connection) -> int:
    """How many records the file has."""
    number: int = connection.execute("SELECT count(*) FROM record").fetchone()[0]
    return number


def truncated(connection: Connection) -> int:
    """How many records were before the beginnings of the topics."""
    return int(connection.execute(_TRUNCATED).fetchone()[0])


def records(connection: Connection, topic: str, position: int, count: int) -> Iterator[Row]:
    """At most `count` rows from `position` on. If none of them is a record, the first records behind them."""
    rows = records_there = 0
    for row in connection.execute(_ALL, (topic, position, count)):
        rows += 1
        records_there += type(row[0]) is int
        yield row[0], _value(connection, row[1], row[2]), row[3]
    if rows == count and not records_there:
        for row in connection.execute(_INTEGERS_ONLY, (topic, position, count)):
            yield row[0], _value(connection, row[1], row[2]), row[3]


def _value(connection: Connection, value: bytes | int | None, row_id: int) -> bytes | None:
    """The value of a row, or its beginning if it is too long."""
    if not isinstance(value, int):
        return value
    with connection.blobopen("record", "value", row_id, readonly=True) as blob:
        return blob.read(VALUE_SIZE_BYTES_MAX + 1)
