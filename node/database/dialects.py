"""What differs between SQLite and PostgreSQL in the text of statements; node/database/fulltext.py has the search."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Insert, Table

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"


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
