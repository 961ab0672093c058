"""The error of a column whose value cannot become a field of a report. Pure."""

from collections.abc import Collection
from typing import Final

ALLOWED_MAX: Final = 50  # values of a table that an error lists; a longer list is not readable


class ColumnError(ValueError):
    """The value of a column cannot be converted as the mapping says."""

    def __init__(self, code: str, message: str, allowed: Collection[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.allowed = tuple(allowed)[:ALLOWED_MAX]
        self.column: str | None = None
        """The column that is wrong, where a field reads several."""
