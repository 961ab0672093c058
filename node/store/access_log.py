"""The access log: who did what with which message, and why (LED Art 25). Entries are only added.

node/access_chain adds them: each is chained to the entry before it. A transaction adds its entries last, because of
their lock. What reads for a user adds its entries in a transaction before the answer is given; if this fails, there is
no answer.

How to log a consultation, for every caller (commands, gateway):

- `add_consultations` with the actor as text, such as `ana (uid 1000)` or `token case-system (0b1c2d3e)`.
- With `poll=True`, for a machine that asks again and again: a question that finds nothing, and found nothing before, is
  counted and gets no entry of its own (node/access_chain/repeated_polls.py). A question with a hit always gets entries.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Select, or_, select

from node.access_chain import repeated_polls
from node.access_chain.append import append
from node.access_chain.repeated_polls import Poll
from node.database.access_tables import access_log
from node.database.engine import Transaction
from schemas.formats import time_text


class Operation(StrEnum):
    """The operations of LED Art 25(1) that this version logs."""

    COLLECTION = "COLLECTION"
    CONSULTATION = repeated_polls.CONSULTATION
    DISCLOSURE = "DISCLOSURE"
    ERASURE = "ERASURE"


def erasure_detail(expires_at: int) -> str:
    """The detail of an erasure: when the retention ended (ms)."""
    return f"retention ended {time_text(expires_at)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """A question that a user asked, and the messages that the answer shows."""

    query: str
    """The question, normalised."""

    subjects: Sequence[str]
    """The ids of the messages that the answer shows, none if the question found nothing."""

    purpose: str | None = None
    reason: str | None = None
    hits: int | None = None
    """How many items a list shows that has no entry for each of them; None: the number of `subjects`."""


def add(db: Transaction, operation: Operation, *, actor: str, subjects: Iterable[tuple[str, str]], now: int) -> None:
    """Add one entry for each (message or report id, detail)."""
    append(
        db,
        [(now, operation.value, actor, subject, detail, None, None, None, None) for subject, detail in subjects],
    )


def add_consultations(
    db: Transaction,
    consultations: Iterable[Consultation],
    *,
    actor: str,
    command: str,
    now: int,
    poll: bool = False,
) -> None:
    """Add one entry for each message that an answer shows, and one for each question that found nothing.

    With `poll`, a question that found nothing, as at its last poll, is counted instead.
    """
    entries: list[tuple[Any, ...]] = []
    for asked in consultations:
        if not poll or not _is_counted(db, asked, actor=actor, command=command, now=now):
            entries += _entries(asked, actor, command, now)
    append(db, entries)


def _is_counted(db: Transaction, asked: Consultation, *, actor: str, command: str, now: int) -> bool:
    question = Poll(
        actor=actor, command=command, query=_storable(asked.query), purpose=asked.purpose, reason=asked.reason
    )
    if asked.subjects or asked.hits:
        repeated_polls.end_of(db, question, now)
        return False
    return repeated_polls.count_empty(db, question, now)


def _entries(asked: Consultation, actor: str, command: str, now: int) -> Iterator[tuple[Any, ...]]:
    hits = len(asked.subjects) if asked.hits is None else asked.hits
    query = _storable(asked.query)
    for subject in asked.subjects or ("",):
        yield (now, Operation.CONSULTATION.value, actor, subject, command, asked.purpose, asked.reason, query, hits)


def _storable(text: str) -> str:
    """A text that PostgreSQL stores too: a NUL is shown as its escape."""
    return text.replace("\x00", "\\u0000") if "\x00" in text else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry; its fields are the columns of the table."""

    id: int
    at: int
    operation: str
    actor: str
    subject: str
    detail: str
    purpose: str | None
    reason: str | None
    query: str | None
    hits: int | None
    hash: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries are wanted; every condition must hold."""

    since: int = 0
    """In ms; entries at this time are wanted."""

    until: int | None = None
    """In ms; entries at this time are not wanted."""

    actor: str | None = None
    """The whole text of an actor, or its name: a login, or the name of a token."""

    subject: str | None = None
    operation: Operation | None = None


EVERY_ENTRY: Final = EntryFilter()
LAST_ID: Final = 2**63 - 1


def entries(db: Transaction, *, wanted: EntryFilter = EVERY_ENTRY, after: int, limit: int) -> list[Entry]:
    """The next entries that are wanted after the id `after`, in the order of the log."""
    statement = _matching(wanted).where(access_log.c.id > after).order_by(access_log.c.id)
    return [Entry(**row) for row in db.execute(statement.limit(limit)).mappings()]


def newest(db: Transaction, *, wanted: EntryFilter = EVERY_ENTRY, before: int = LAST_ID, limit: int) -> list[Entry]:
    """The newest entries that are wanted, before the id `before`; the newest first."""
    statement = _matching(wanted).where(access_log.c.id < before).order_by(access_log.c.id.desc())
    return [Entry(**row) for row in db.execute(statement.limit(limit)).mappings()]


def _matching(wanted: EntryFilter) -> Select[Any]:
    table = access_log.c
    statement = select(access_log).where(table.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(table.at < wanted.until)
    if wanted.actor is not None:
        names = (f"{wanted.actor} (", f"token {wanted.actor} (")
        named = (table.actor.startswith(name, autoescape=True) for name in names)
        statement = statement.where(or_(table.actor == wanted.actor, *named))
    if wanted.subject is not None:
        statement = statement.where(table.subject == wanted.subject)
    if wanted.operation is not None:
        statement = statement.where(table.operation == wanted.operation.value)
    return statement
