"""Finds the messages that have an identifier: the newest first, as many as an answer shows.

Each look-up is one range of the primary key of `identifier`, so its cost does not depend on the number of messages.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, Select, String, bindparam, literal_column, select

from node.database.engine import Transaction
from node.database.record_tables import identifier, message
from node.database.statements import rows_for
from node.reports.questions import Question
from node.verification.kinds import read_stored
from schemas.types import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingMessage:
    """A message that has the identifier."""

    message_id: bytes
    originator: str
    report_id: str
    payload: bytes

    def report(self) -> Record:
        """Decode the payload, to the type of its kind."""
        return read_stored(self.payload)


_NOT_STATED: Final[ColumnElement[str]] = literal_column("''")


def _matching(*, one_country: bool) -> Select[Any]:
    """The newest messages that have not expired; those with two equal identifiers once."""
    wanted = (
        select(identifier.c.message)
        .join(message, message.c.id == identifier.c.message)
        .where(
            identifier.c.scheme == bindparam("scheme"),
            identifier.c.value == bindparam("value"),
            message.c.expires_at > bindparam("now"),
        )
        .group_by(identifier.c.message)
        .order_by(identifier.c.message.desc())
        .limit(bindparam("at_most", type_=Integer))
    )
    if one_country:
        wanted = wanted.where(identifier.c.country.in_((bindparam("country", type_=String), _NOT_STATED)))
    newest = wanted.subquery()
    columns = (message.c.message_id, message.c.originator, message.c.report_id, message.c.payload)
    return select(*columns).join(newest, newest.c.message == message.c.id).order_by(message.c.id.desc())


ANYWHERE: Final = _matching(one_country=False)
IN_COUNTRY: Final = _matching(one_country=True)


def find(db: Transaction, question: Question, *, now: int, limit: int) -> list[MatchingMessage]:
    """The newest messages, at most `limit`, that a question fits and that have not expired at `now` (ms)."""
    values: dict[str, Any] = {"scheme": question.scheme, "value": question.key, "now": now, "at_most": limit}
    statement = ANYWHERE
    if question.countries is not None:
        statement, values = IN_COUNTRY, values | {"country": question.country}
    return [
        MatchingMessage(
            message_id=row.message_id,
            originator=row.originator,
            report_id=row.report_id,
            payload=row.payload,
        )
        for row in rows_for(db, statement, values)
    ]
