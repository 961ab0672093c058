"""Which records of the quarantine a list, a summary or a purge concerns."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, literal, tuple_

from node.database.record_tables import quarantine
from node.undecided.usage import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which records; everything that is set must hold."""

    code: str | None = None
    originator: str | None = None
    stream: str | None = None
    kept: bool = False
    """Only those whose bytes were not deleted."""

    after: tuple[int, str] | None = None
    """Only those after (received at, id) in the order of a list."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions of a statement."""
        given = ((quarantine.c.code, self.code), (quarantine.c.originator, self.originator))
        wanted = [
            column == value for column, value in (*given, (quarantine.c.stream, self.stream)) if value is not None
        ]
        if self.after is not None:
            wanted.append(tuple_(quarantine.c.received_at, quarantine.c.id) > tuple_(*map(literal, self.after)))
        return [*wanted, quarantine.c.budget != Budget.PURGED.value] if self.kept else wanted


EVERYTHING: Final = Filter()
