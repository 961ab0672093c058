"""What differs between SQLite and PostgreSQL in statements; node/database/fulltext.py has the search."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Connection, Insert, Integer, LargeBinary, String, Table
from sqlalchemy.types import TypeEngine

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
_COPIED_TYPES: Final[tuple[tuple[type[TypeEngine[Any]], str], ...]] = (
    (BigInteger, "int8"),
    (Integer, "int4"),
    (Boolean, "bool"),
    (LargeBinary, "bytea"),
    (String, "text"),
)
"""A type of a column, before the types that it is derived from -> the name of PostgreSQL."""


class Upsert:
    """Insert a row, or do something else if its key is in the table. `statements.change` executes it."""

    def __init__(self, table: Table, conflict: Callable[[Any], Insert]) -> None:
        """`conflict` adds the clause ON CONFLICT to the INSERT of a dialect; both dialects call it the same."""
        self._table = table
        self._conflict = conflict
        self._statements: dict[str, Insert] = {}

    def of(self, dialect: str) -> Insert:
        """The statement of a dialect."""
        statement = self._statements.get(dialect)
        if statement is None:
            statement = self._statements[dialect] = self._conflict(_insert(dialect, self._table))
        return statement


def _insert(name: str, table: Table) -> Any:
    if name == SQLITE:
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table)
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert

    return postgresql_insert(table)


@cache
def copying(table: Table, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The COPY of PostgreSQL in its binary form into these columns of a table, and the names of their types."""
    columns = ", ".join(f'"{name}"' for name in names)
    types = (next(name for kind, name in _COPIED_TYPES if isinstance(table.c[column].type, kind)) for column in names)
    return f'COPY "{table.name}" ({columns}) FROM STDIN WITH (FORMAT BINARY)', tuple(types)


@contextmanager
def overwriting(db: Connection) -> Iterator[None]:
    """Overwrite what the block deletes. PostgreSQL keeps deleted rows until its VACUUM, which runs by itself."""
    if db.dialect.name != SQLITE:
        yield
        return
    db.exec_driver_sql("PRAGMA secure_delete = ON").close()
    try:
        yield
    finally:
        db.exec_driver_sql("PRAGMA secure_delete = FAST").close()


def store_size(db: Connection) -> int:
    """The size of the whole database, in bytes; of a SQLite file without the journal beside it."""
    if db.dialect.name == POSTGRESQL:
        return int(db.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
    pages, size = (db.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size"))
    return int(pages * size)
