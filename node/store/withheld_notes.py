"""Notes about withheld messages: this node opened them, and no clause lets it keep them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import Select, bindparam, delete, func, insert, literal_column, select, tuple_

from node.database.engine import Transaction
from node.database.record_tables import withheld
from node.database.statements import Found, change, rows_for
from node.stages import StreamId
from node.store import counters
from node.undecided import usage
from node.undecided.usage import Budget, Usage

_NEW: Final = insert(withheld)
NOTE_SIZE_BYTES: Final = 320  # of a note at most, without its reason

_PLACE: Final = (withheld.c.originator, withheld.c.stream, withheld.c.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldMessage:
    """A message to note as withheld."""

    place: StreamId
    sequence: int
    message_id: bytes
    code: str
    agreement: str | None
    clause: str | None
    reason: str
    position: int | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldNote:
    """The note about a withheld message. Nothing of its content is kept."""

    message_id: bytes
    originator: str
    stream: str
    sequence: int
    code: str
    agreement: str | None
    clause: str | None
    reason: str
    noted_at: int


def note_size(reason: str) -> int:
    """The bytes that a note with this reason takes at most."""
    return NOTE_SIZE_BYTES + 4 * len(reason)  # UTF-8 takes four bytes at most for a character


def add(db: Transaction, messages: Sequence[WithheldMessage], now: int) -> None:
    """Note withheld messages, each with the clause and the reason."""
    values = [
        {
            "originator": message.place.originator,
            "stream": message.place.stream,
            "sequence": message.sequence,
            "message_id": message.message_id,
            "code": message.code,
            "agreement": message.agreement,
            "clause": message.clause,
            "reason": message.reason,
            "noted_at": now,
            "position": message.position,
            "expires_at": message.expires_at,
        }
        for message in messages
    ]
    change(db, _NEW, values)
    counters.increase(db, {counters.WITHHELD: len(values)})
    usage.add(
        db,
        [(message.place.originator, Budget.WITHHELD, Usage(1, note_size(message.reason))) for message in messages],
    )


def notes(db: Transaction) -> list[WithheldNote]:
    """Every note, the oldest first."""
    return _notes(db, select(withheld).order_by(withheld.c.noted_at, *_PLACE))


OfClause = tuple[str, str | None]
"""Agreement and clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseCount:
    """The withheld messages of one clause and code."""

    agreement: str | None
    clause: str | None
    code: str
    messages: int


Place = tuple[int, str, str, int]
"""noted_at, originator, stream and sequence of a note."""

FIRST: Final[Place] = (-1, "", "", 0)
"""Before every note."""

_ORDER: Final = (withheld.c.noted_at, *_PLACE)
_PAGE: Final = (
    select(withheld)
    .where(tuple_(*_ORDER) > tuple_(*(bindparam(f"after_{column.name}", type_=column.type) for column in _ORDER)))
    .order_by(*_ORDER)
    .limit(bindparam("at_most"))
)


def page(db: Transaction, *, after: Place, limit: int, clause: OfClause | None = None) -> list[WithheldNote]:
    """The notes after a place, the oldest first, at most `limit`; of one clause if `clause` is set."""
    values: dict[str, Any] = {f"after_{column.name}": value for column, value in zip(_ORDER, after, strict=True)}
    values["at_most"] = limit
    if clause is None:
        return [_note(row) for row in rows_for(db, _PAGE, values)]
    of_clause = _PAGE.where(withheld.c.agreement == clause[0], withheld.c.clause.is_not_distinct_from(clause[1]))
    return [_note(row) for row in db.execute(of_clause, values)]


def by_clause(db: Transaction) -> list[ClauseCount]:
    """How many messages each clause withheld, by code; the most first."""
    columns = (withheld.c.agreement, withheld.c.clause, withheld.c.code)
    messages = func.count().label("messages")
    statement = select(*columns, messages).group_by(*columns).order_by(messages.desc(), *columns)
    return [ClauseCount(**row) for row in db.execute(statement).mappings()]


def by_message_id(db: Transaction, message_id: bytes) -> list[WithheldNote]:
    """The notes about the messages with this id."""
    return _notes(db, select(withheld).where(withheld.c.message_id == message_id).order_by(*_PLACE))


def _notes(db: Transaction, statement: Select[tuple[object, ...]]) -> list[WithheldNote]:
    return [_note(row) for row in db.execute(statement)]


_NOTE_COLUMNS: Final = tuple(field.name for field in fields(WithheldNote))


def _note(row: Found) -> WithheldNote:
    return WithheldNote(**{name: getattr(row, name) for name in _NOTE_COLUMNS})


_WRONGLY_EXPIRED: Final = select(withheld).where(
    withheld.c.code == literal_column("'expired'"), withheld.c.expires_at > bindparam("now")
)
_DROP: Final = delete(withheld).where(*(column == bindparam(f"its_{column.name}") for column in _PLACE))


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """A note that was deleted, and where the log has its record; the position is None if that is not known."""

    place: StreamId
    position: int | None


def has_unexpired(db: Transaction, now: int) -> bool:
    """Whether a message was withheld as expired that has not expired at `now` (ms)."""
    return bool(rows_for(db, _WRONGLY_EXPIRED, {"now": now}))


def take_back_expired(db: Transaction, originators: Callable[[str], bool], now: int) -> list[TakenBack]:
    """Delete the notes about messages that have not expired at `now` (ms): the clock was wrong when they arrived."""
    rows = [row for row in rows_for(db, _WRONGLY_EXPIRED, {"now": now}) if originators(row.originator)]
    change(db, _DROP, [{f"its_{column.name}": getattr(row, column.name) for column in _PLACE} for row in rows])
    counters.increase(db, {counters.WITHHELD: -len(rows)})
    usage.add(db, [(row.originator, Budget.WITHHELD, -Usage(1, note_size(row.reason))) for row in rows])
    return [
        TakenBack(place=StreamId(stream=row.stream, originator=row.originator), position=row.position) for row in rows
    ]
