"""Says which failures of PostgreSQL pass, so that the same call may succeed later. Every other failure is a bug.

A connection that breaks during COMMIT leaves it unknown whether the transaction was stored. So every writer of a node
may be called again: it finds what it stored before, and stores nothing twice.
"""

import re
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError

from node.database.backend import unavailable
from node.database.damage import store_damaged
from node.errors import EnlaceError

_AGAIN: Final = "wait until the server answers, and repeat the call: it stores nothing twice"
_PASSING: Final = {
    "08": _AGAIN,  # connections
    "28": "correct the user or the password; the server refuses them",
    "3D": "create the database, or correct its name",
    "40": _AGAIN,  # a deadlock; a serialization failure
    "42501": "give the user the rights on the tables that docs/operating.md lists",
    "53": "give the server more disk, memory or connections",
    "55P03": "another transaction holds a lock for too long; end it",
    "57": _AGAIN,  # shut down, starting, or a statement that took too long
    "58": "look at the disk and the log of the server",
}
"""SQLSTATE, or its class -> the way out."""

_READ_ONLY: Final = "25006"
_IDLE_TOO_LONG: Final = "25P03"
_REFUSED: Final = re.compile(
    r"authentication failed|does not exist|no pg_hba\.conf entry|no password supplied|is not permitted"
)
_DAMAGED: Final = ("XX001", "XX002", "42P01", "42703")
"""Pages or an index that contradict themselves; a table or a column that is missing: `migrate` has made every one."""


def fault(error: DBAPIError, writes: bool) -> EnlaceError | None:
    """What a failure means; None if it is a bug. `writes`: the transaction may write."""
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state is None:
        # libpq could not connect, or lost the connection.
        away = isinstance(error, OperationalError) or error.connection_invalidated
        return unavailable(_first_line(error), _AGAIN) if away else None
    if state == _READ_ONLY and writes:
        return unavailable(
            "the server is a standby that only reads", "name the server that writes, or promote this one"
        )
    if state.startswith(_DAMAGED):
        return store_damaged(_first_line(error))
    if state == _IDLE_TOO_LONG:
        return unavailable(_first_line(error), _AGAIN)
    hint = _PASSING.get(state) or _PASSING.get(state[:2])
    return unavailable(_first_line(error), hint) if hint else None


def _first_line(error: DBAPIError) -> str:
    """The server's message without its details, which may contain values."""
    return str(error.orig).partition("\n")[0].strip() or type(error.orig).__name__


def refused_connection(error: DBAPIError) -> str | None:
    """The message of a server that refuses user, password or database; None for another failure.

    libpq gives no SQLSTATE for a failed connection, so this compares the words of an English server.
    """
    message = str(error.orig)
    return next((line.strip() for line in message.splitlines() if _REFUSED.search(line)), None)
