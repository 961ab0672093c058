"""Reads the rows of large tables in order, a few at a time, so that the memory of a check stays small."""

from collections.abc import Iterator
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Row, Select

from node.database.engine import Transaction

ROWS_TOGETHER: Final = 64  # a row may have a record of 1 MiB

T = TypeVar("T")


def rows_of(db: Transaction, statement: Select[Any], *, together: int = ROWS_TOGETHER) -> Iterator[Row[Any]]:
    """The rows of a statement, of which at most `together` are in memory."""
    yield from db.execute(statement.execution_options(yield_per=together))


class Ordered(Generic[T]):
    """Rows in the order of a number, taken up to a limit: the step of a merge join."""

    def __init__(self, rows: Iterator[tuple[int, T]]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    def below(self, end: int) -> Iterator[tuple[int, T]]:
        """The next rows whose number is below `end`; they are taken."""
        while self._next is not None and self._next[0] < end:
            yield self._next
            self._next = next(self._rows, None)

    def rest(self) -> Iterator[tuple[int, T]]:
        """All rows that are left."""
        while self._next is not None:
            yield self._next
            self._next = next(self._rows, None)
