"""The access log: who did what with which message, and why (LED Art 25). Entries are only added."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import or_, select

from node.database.access_tables import access_log
from node.database.engine import Transaction
from node.database.statements import insert_rows
from schemas.formats import time_text


class Operation(StrEnum):
    """The operations of LED Art 25(1) that this version logs."""

    COLLECTION = "COLLECTION"
    CONSULTATION = "CONSULTATION"
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


def add(db: Transaction, operation: Operation, *, actor: str, subjects: Iterable[tuple[str, str]], now: int) -> None:
    """Add one entry for each (message or report id, detail)."""
    names = ("at", "operation", "actor", "subject", "detail")
    rows = [(now, operation.value, actor, subject, detail) for subject, detail in subjects]
    insert_rows(db, access_log, names, rows)


def add_consultations(
    db: Transaction, consultations: Iterable[Consultation], *, actor: str, command: str, now: int
) -> None:
    """Add one entry for each message that an answer shows, and one for each question that found nothing."""
    names = ("at", "operation", "actor", "subject", "detail", "purpose", "reason", "query", "hits")
    rows = [
        (
            now,
            Operation.CONSULTATION.value,
            actor,
            subject,
            command,
            asked.purpose,
            asked.reason,
            asked.query,
            len(asked.subjects),
        )
        for asked in consultations
        for subject in asked.subjects or ("",)
    ]
    insert_rows(db, access_log, names, rows)


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


def entries(db: Transaction, *, since: int, actor: str | None, after: int, limit: int) -> list[Entry]:
    """The next entries after the id `after`, from `since` (ms) on.

    `actor` is the whole text, or the login name before ` (uid`; None for all.
    """
    statement = select(access_log).where(access_log.c.id > after, access_log.c.at >= since)
    if actor is not None:
        of_login = access_log.c.actor.startswith(f"{actor} (uid ", autoescape=True)
        statement = statement.where(or_(access_log.c.actor == actor, of_login))
    rows = db.execute(statement.order_by(access_log.c.id).limit(limit)).mappings()
    return [Entry(**row) for row in rows]
