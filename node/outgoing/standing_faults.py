"""Faults that stand at this node and that the daemon noted: what it cannot do now, since when, and why.

A fault has a code and a subject, such as a topic. What noted it forgets it when it has ended.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, delete, select

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.statements import change, rows_for
from node.database.stream_tables import fault

MESSAGE_CHARS_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingFault:
    """Something that the daemon cannot do now."""

    code: str
    subject: str
    since: int
    """In ms."""

    message: str


_PUT: Final = Upsert(
    fault,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["code", "subject"], set_={"message": insert.excluded.message}
    ),
)
_ALL: Final = select(fault).order_by(fault.c.since, fault.c.code, fault.c.subject)
_DROP: Final = delete(fault).where(fault.c.code == bindparam("of"), fault.c.subject == bindparam("about"))


def standing(db: Transaction) -> list[StandingFault]:
    """Every fault, the oldest first."""
    return [
        StandingFault(code=row.code, subject=row.subject, since=row.since, message=row.message)
        for row in rows_for(db, _ALL, {})
    ]


def put(db: Transaction, faults: Collection[StandingFault]) -> None:
    """Note faults. One that stands already keeps its time and gets the new message."""
    values = [
        {
            "code": noted.code,
            "subject": noted.subject,
            "since": noted.since,
            "message": noted.message[:MESSAGE_CHARS_MAX],
        }
        for noted in faults
    ]
    change(db, _PUT, values)


def end(db: Transaction, code: str, subjects: Collection[str]) -> None:
    """Forget faults of a code that have ended."""
    change(db, _DROP, [{"of": code, "about": subject} for subject in subjects])
