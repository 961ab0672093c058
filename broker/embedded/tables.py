"""The tables of the embedded log: makes them, and refuses a file that has others in their place.

    topic(name, beginning, created)                     beginning: lowest position that can be fetched
    record(id, topic, position, value, appended_at)     position: from 0 in each topic; value NULL: a missing value

Rules. Anybody who can write to the file can change its tables. A view, a virtual table or a table without its index
makes a query endless, and a trigger runs inside each append. So both tables have exactly the text that is here, with
the indexes that follow from it, and nothing else belongs to them. Other tables in the file are not touched.
"""

import sqlite3
from pathlib import Path
from typing import Final

from broker.log import LogUnavailable, LogUnusable

SCHEMA_VERSION: Final = 1

_TEXTS: Final = {
    "topic": "CREATE TABLE topic (name TEXT PRIMARY KEY, beginning INTEGER NOT NULL, created INTEGER NOT NULL)",
    "record": """CREATE TABLE record (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        topic TEXT NOT NULL,
        position INTEGER NOT NULL,
        value BLOB,
        appended_at INTEGER NOT NULL,
        UNIQUE (topic, position)
    )""",
}
_THERE: Final = "SELECT type, name, sql FROM sqlite_master WHERE lower(tbl_name) IN ('topic', 'record')"


def _one_line(text: bytes | str | None) -> str:
    """A text of the file with single spaces; empty for None."""
    return " ".join((text.decode(errors="replace") if isinstance(text, bytes) else text or "").split())


_EXPECTED: Final = {
    **{("table", name): _one_line(text) for name, text in _TEXTS.items()},
    **{("index", f"sqlite_autoindex_{name}_1"): "" for name in _TEXTS},
}


def check_version(connection: sqlite3.Connection, path: Path, *, make: bool) -> None:
    """Refuse a file of another version. With `make`, create the tables in a file that has none."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0 and make:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        for text in _TEXTS.values():
            connection.execute(text.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    elif version == 0:
        raise LogUnavailable(f"{path} does not contain a log yet; an operator must provision it")
    elif version != SCHEMA_VERSION:
        raise LogUnusable(f"{path} has schema version {version}; this program knows {SCHEMA_VERSION}")


def check_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Raise LogUnusable unless both tables are exactly those of a log."""
    found = {}
    for row in connection.execute(_THERE):
        kind, name, text = map(_one_line, row)
        found[kind, name] = text.replace(f'"{name}"', name, 1)  # as SQLite writes it after a table was renamed
    if found == _EXPECTED:
        return
    other = sorted(f"{kind} {name}" for kind, name in found.keys() - _EXPECTED.keys())
    missing = sorted(f"{kind} {name}" for kind, name in _EXPECTED.keys() - found.keys())
    changed = sorted(f"{kind} {name}" for kind, name in _EXPECTED if found.get((kind, name)) != _EXPECTED[kind, name])
    wrong = f"it also has {other[0]}" if other else f"{(missing or changed)[0]} is missing or has other columns"
    raise LogUnusable(f"{path} does not have the tables of a log: {wrong}")
