"""Tells damage of a database file from the faults that pass and from bugs.

SQLite reports a file that is not a database, pages that contradict each other, and text that is not UTF-8. A table that
is missing is damage too: `migrate` has made every table.
"""

import sqlite3
from typing import Final

from node.errors import UsageError

_CODES: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_PRIMARY: Final = 0xFF  # the low byte of an extended result code
_TEXTS: Final = ("no such table", "no such column", "Could not decode to UTF-8", "has no column named")


def is_damage(error: BaseException | None) -> bool:
    """Whether an error of the driver of SQLite reports damage."""
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    return (code is not None and code & _PRIMARY in _CODES) or any(sign in str(error) for sign in _TEXTS)


def store_damaged(reason: object) -> UsageError:
    """The error of a command, and of the daemon, on a damaged store."""
    return UsageError(
        "store_damaged",
        f"the store is damaged: {reason}",
        path="store.url",
        hint="stop the node, keep a copy of the file for examination, and restore a backup",
    )
