"""Which records of the quarantine a list, a summary or a purge concerns."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement

from node.database.record_tables import quarantine


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which records; everything that is set must hold."""

    code: str | None = None
    originator: str | None = None
    stream: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions of a statement."""
        given = ((quarantine.c.code, self.code), (quarantine.c.originator, self.originator))
        return [column == value for column, value in (*given, (quarantine.c.stream, self.stream)) if value is not None]


EVERYTHING: Final = Filter()
