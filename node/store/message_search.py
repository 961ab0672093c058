"""Finds the messages that this node holds.

Identifiers, subjects, originator and time by SQL; words by the full-text port (node/database/fulltext.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Exists, FromClause, Select, TextClause, bindparam, exists, func, select

from node.database import fulltext
from node.database.engine import Transaction
from node.database.record_tables import BLOCK_SIZE, identifier, message, message_block, message_subject
from node.database.statements import Found, rows_for
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


_LAST_ID: Final = 2**63 - 1
COUNTED_MAX: Final = 200  # messages of a filter that is read instead of a frequent one
_WITH_IDS: Final = select(message).where(message.c.id.in_(bindparam("ids", expanding=True)))
_OF_REPORT: Final = select(message).where(message.c.report_id == bindparam("report_id"))
_OF_MESSAGE: Final = select(message).where(message.c.message_id == bindparam("message_id"))
_DATED: Final = message.alias("dated")
_BLOCKS: Final = (
    select(message_block.c.block)
    .where(message_block.c.block >= bindparam("from_block"), message_block.c.created_max >= bindparam("since"))
    .order_by(message_block.c.block)
)


def search(db: Transaction, query: Query) -> list[HeldMessage]:
    """The messages that fit `query`, in the order of their arrival."""
    ids: list[int] = []
    filters = _rare_first(db, _filters(db, query), query.after)
    for after, until in _ranges(db, query):
        ids += db.execute(_fitting(filters, query.since, after, until).limit(query.limit - len(ids))).scalars()
        if len(ids) == query.limit:
            break
    rows = rows_for(db, _WITH_IDS, {"ids": ids})
    return [_held(row) for row in sorted(rows, key=lambda row: row.id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filter:
    """Rows of an index that fit one filter: an index has them in the order of the messages' ids."""

    table: FromClause
    message: ColumnElement[int]
    """The id of the message."""

    conditions: Sequence[ColumnElement[bool] | TextClause]

    def holds(self, message: ColumnElement[int]) -> Exists:
        """Whether a message fits."""
        return exists().select_from(self.table).where(*self.conditions, self.message == message)


_EVERY: Final = _Filter(table=message, message=message.c.id, conditions=())


def _filters(db: Transaction, query: Query) -> list[_Filter]:
    """The filters of a query, those that are usually rare first."""
    filters = []
    if (asked := query.identifier) is not None:
        conditions = [identifier.c.scheme == asked.scheme, identifier.c.value == asked.value]
        if asked.countries is not None:
            conditions.append(identifier.c.country.in_(asked.countries))
        filters.append(_Filter(table=identifier, message=identifier.c.message, conditions=conditions))
    if query.text is not None:
        table, id_, has_words = fulltext.matching(db, query.text)
        filters.append(_Filter(table=table, message=id_, conditions=has_words))
    if query.originator is not None:
        filters.append(
            _Filter(table=message, message=message.c.id, conditions=[message.c.originator == query.originator])
        )
    if query.subject is not None:
        conditions = [message_subject.c.subject == query.subject]
        filters.append(_Filter(table=message_subject, message=message_subject.c.message, conditions=conditions))
    return filters


def _rare_first(db: Transaction, filters: list[_Filter], after: int) -> list[_Filter]:
    """A filter that few messages fit is first: its rows are read, and the others are asked about each."""
    if len(filters) < 2:
        return filters or [_EVERY]
    for index, one in enumerate(filters):
        some = select(one.message).select_from(one.table).where(*one.conditions, one.message > after)
        count = db.scalar(select(func.count()).select_from(some.limit(COUNTED_MAX).subquery())) or 0
        if count < COUNTED_MAX:
            return [one, *filters[:index], *filters[index + 1 :]]
    return filters


def _fitting(filters: list[_Filter], since: int | None, after: int, until: int) -> Select[int]:
    """The ids of the messages that fit, from above `after` to `until`."""
    driving, *others = filters
    id_ = driving.message
    statement = select(id_).select_from(driving.table).where(*driving.conditions, id_ > after, id_ <= until)
    statement = statement.where(*(other.holds(id_) for other in others)).order_by(id_)
    if since is not None:
        statement = statement.where(exists().where(_DATED.c.id == id_, _DATED.c.created_at >= since))
    return statement.distinct() if driving.table is identifier else statement


def _ranges(db: Transaction, query: Query) -> Iterator[tuple[int, int]]:
    """Where to look: above the first id, to the second. Blocks without a message since the asked time are left out."""
    if query.since is None:
        yield query.after, _LAST_ID
        return
    begin = end = query.after
    values = {"since": query.since, "from_block": query.after // BLOCK_SIZE}
    for row in rows_for(db, _BLOCKS, values):
        first = row.block * BLOCK_SIZE - 1
        if first > end:
            if begin < end:
                yield begin, end
            begin = max(first, query.after)
        end = first + BLOCK_SIZE
    if begin < end:
        yield begin, end


def by_id(db: Transaction, *, report_id: str, message_id: bytes) -> list[HeldMessage]:
    """The messages with this report id or this message id."""
    by_report = rows_for(db, _OF_REPORT, {"report_id": report_id})
    by_message = rows_for(db, _OF_MESSAGE, {"message_id": message_id})
    found = {row.id: row for row in (*by_report, *by_message)}
    return [_held(row) for _, row in sorted(found.items())]


def _held(row: Found) -> HeldMessage:
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
