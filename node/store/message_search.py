"""Finds the messages that this node holds.

Identifiers, subjects, originator and time by SQL; words by the full-text port (node/database/fulltext.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, or_, select

from node.database import fulltext
from node.database.engine import Transaction
from node.database.record_tables import identifier, message, message_subject
from node.reports.questions import Question
from node.verification.kinds import read_stored
from schemas.types import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for; everything that is set must hold. `since` in ms; `after` is a cursor."""

    text: str | None = None
    identifier: Question | None = None

    originator: str | None = None
    subject: str | None = None
    since: int | None = None
    limit: int = 100
    after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldMessage:
    """A message that this node holds, with its report."""

    report_id: str
    message_id: bytes
    originator: str
    stream: str
    sequence: int
    created_at: int
    received_at: int
    report: Record
    """Its decoded payload, of the type of its kind."""

    cursor: str
    """Where the next search goes on (`Query.after`)."""

    agreement: str | None
    """The agreement and the clause that cover it; None for the node's own."""

    clause: str | None


def search(db: Transaction, query: Query) -> list[HeldMessage]:
    """The messages that fit `query`, in the order of their arrival."""
    statement = select(message).where(message.c.id > query.after).order_by(message.c.id).limit(query.limit)
    if query.text is not None:
        statement = statement.where(message.c.id.in_(fulltext.matching(db, query.text)))
    if query.identifier is not None:
        statement = statement.where(message.c.id.in_(_identified(query.identifier)))
    if query.originator is not None:
        statement = statement.where(message.c.originator == query.originator)
    if query.subject is not None:
        statement = statement.where(
            message.c.id.in_(select(message_subject.c.message).where(message_subject.c.subject == query.subject))
        )
    if query.since is not None:
        statement = statement.where(message.c.created_at >= query.since)
    return [_held(row) for row in db.execute(statement)]


def _identified(question: Question) -> Select[int]:
    """The ids of the messages that a question fits."""
    wanted = select(identifier.c.message).where(
        identifier.c.scheme == question.scheme, identifier.c.value == question.value
    )
    return wanted if question.countries is None else wanted.where(identifier.c.country.in_(question.countries))


def by_id(db: Transaction, *, report_id: str, message_id: bytes) -> list[HeldMessage]:
    """The messages with this report id or this message id."""
    rows = db.execute(
        select(message)
        .where(or_(message.c.report_id == report_id, message.c.message_id == message_id))
        .order_by(message.c.id)
    )
    return [_held(row) for row in rows]


def _held(row: Row[Any]) -> HeldMessage:
    return HeldMessage(
        report_id=row.report_id,
        message_id=row.message_id,
        originator=row.originator,
        stream=row.stream,
        sequence=row.sequence,
        created_at=row.created_at,
        received_at=row.received_at,
        report=read_stored(row.payload),
        cursor=str(row.id),
        agreement=row.agreement,
        clause=row.clause,
    )


def originators(db: Transaction, message_ids: Sequence[bytes]) -> dict[bytes, set[str]]:
    """Message id -> the originators of the messages with it that are held: what `refers_to` may name."""
    rows = db.execute(select(message.c.message_id, message.c.originator).where(message.c.message_id.in_(message_ids)))
    found: dict[bytes, set[str]] = {}
    for message_id, originator in rows:
        found.setdefault(message_id, set()).add(originator)
    return found
