"""Finds the messages that this node holds.

Identifiers, subjects, originator and time by SQL; words by the full-text port (node/database/fulltext.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, exists, func, or_, select

from node.database.engine import Transaction
from node.database.record_tables import identifier, message
from node.database.statements import Found, rows_for
from node.limits import PLAINTEXT_SIZE_BYTES_MAX
from node.reports.questions import Question
from node.store.message_filters import EVERY_MESSAGE, Filter, FilterValue, filters_of, id_ranges
from node.verification.kinds import read_stored
from schemas.types import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for; what is set must hold, and of several values one. `since` in ms; `after` is a cursor."""

    texts: tuple[str, ...] = ()
    identifiers: tuple[Question, ...] = ()
    originators: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    since: int | None = None
    limit: int = 100
    after: int = 0
    unexpired_at: int | None = None
    """Only messages that have not expired at this time, in ms; None: the others too, until they are erased."""


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
    expires_at: int
    report: Record | None
    """Its decoded payload, of the type of its kind; None after the erasure."""

    cursor: str
    """Where the next search goes on (`Query.after`)."""

    agreement: str | None
    """The agreement and the clause that cover it; None for the node's own."""

    clause: str | None


COUNTED_MAX: Final = 200  # messages of a filter that is read instead of a frequent one
_WITH_IDS: Final = select(message).where(message.c.id.in_(bindparam("ids", expanding=True)))
_SIZES: Final = select(message.c.id, func.length(message.c.payload).label("size")).where(
    message.c.id.in_(bindparam("ids", expanding=True))
)
_OF_REPORT: Final = select(message).where(message.c.report_id == bindparam("report_id"))
_OF_MESSAGE: Final = select(message).where(message.c.message_id == bindparam("message_id"))
_DATED: Final = message.alias("dated")


def search(db: Transaction, query: Query) -> list[HeldMessage]:
    """The messages that fit `query`, in the order of their arrival."""
    return _with_ids(db, ids_of(db, query))


def page(db: Transaction, query: Query, *, bytes_max: int) -> tuple[list[HeldMessage], bool]:
    """The first messages that fit `query`, and whether there are more.

    The page ends before the message whose payload would make it longer than `bytes_max`; it has one message at least.
    """
    ids = ids_of(db, replace(query, limit=query.limit + 1))
    kept, size = ids[: query.limit], 0
    if len(kept) * PLAINTEXT_SIZE_BYTES_MAX > bytes_max:
        sizes = {row.id: row.size for row in rows_for(db, _SIZES, {"ids": kept})}
        for number, id_ in enumerate(kept):
            size += sizes.get(id_, 0)
            if number and size > bytes_max:
                kept = kept[:number]
                break
    return _with_ids(db, kept), len(kept) < len(ids)


def _with_ids(db: Transaction, ids: Sequence[int]) -> list[HeldMessage]:
    rows = rows_for(db, _WITH_IDS, {"ids": ids})
    return [_held(row) for row in sorted(rows, key=lambda row: row.id)]


def ids_of(db: Transaction, query: Query) -> list[int]:
    """The ids of the messages that fit `query`, in their order."""
    ids: list[int] = []
    filters = _rare_first(db, _filters(db, query), query.after)
    for after, until in id_ranges(db, after=query.after, since=query.since):
        ids += _fitting(db, filters, query, (after, until), query.limit - len(ids))
        if len(ids) == query.limit:
            break
    return ids


def _filters(db: Transaction, query: Query) -> list[Filter]:
    return filters_of(
        db.dialect.name,
        identifiers=query.identifiers,
        texts=query.texts,
        originators=query.originators,
        subjects=query.subjects,
    )


def _rare_first(db: Transaction, filters: list[Filter], after: int) -> list[Filter]:
    """A filter that few messages fit is first: its rows are read, and the others are asked about each."""
    if len(filters) < 2:
        return filters or [EVERY_MESSAGE]
    for index, values in enumerate(filters):
        if _is_rare(db, values, after):
            return [values, *filters[:index], *filters[index + 1 :]]
    return filters


def _is_rare(db: Transaction, values: Filter, after: int) -> bool:
    """Whether fewer than COUNTED_MAX messages above `after` fit a filter; no more are counted."""
    count = 0
    for value in values:
        some = select(value.message).select_from(value.table).where(*value.conditions, value.message > after)
        counted = some.limit(COUNTED_MAX - count).subquery()
        count += db.scalar(select(func.count()).select_from(counted)) or 0
        if count == COUNTED_MAX:
            return False
    return True


def _fitting(db: Transaction, filters: list[Filter], query: Query, between: tuple[int, int], limit: int) -> list[int]:
    """The ids of the first messages that fit, above the first id of `between` and up to the second.

    Each value of the filter that drives is read by its index, in the order of the ids; so the first of all values are
    among the first of each.
    """
    driving, *others = filters
    ids: set[int] = set()
    for value in driving:
        ids.update(db.execute(_fitting_value(value, others, query, between).limit(limit)).scalars())
    return sorted(ids)[:limit]


def _fitting_value(value: FilterValue, others: list[Filter], query: Query, between: tuple[int, int]) -> Select[int]:
    id_ = value.message
    statement = select(id_).select_from(value.table).where(*value.conditions, id_ > between[0], id_ <= between[1])
    statement = statement.where(*(or_(*(other.holds(id_) for other in values)) for values in others)).order_by(id_)
    dated: FromClause = message if value.table is message else _DATED
    here: list[ColumnElement[bool]] = [message.c.erased_at.is_(None)] if dated is message else []
    if query.since is not None:
        here.append(dated.c.created_at >= query.since)
    if query.unexpired_at is not None:
        here.append(dated.c.expires_at > query.unexpired_at)
    if here:
        statement = statement.where(*(here if dated is message else [exists().where(_DATED.c.id == id_, *here)]))
    return statement.distinct() if value.table is identifier else statement


def by_id(db: Transaction, *, report_id: str, message_id: bytes) -> list[HeldMessage]:
    """The messages with this report id or this message id, expired and erased ones too."""
    asked = ((_OF_REPORT, {"report_id": report_id}), (_OF_MESSAGE, {"message_id": message_id}))
    found = {row.id: row for statement, values in asked for row in rows_for(db, statement, values)}
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
        expires_at=row.expires_at,
        report=read_stored(row.payload) if row.erased_at is None else None,
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
