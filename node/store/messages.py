"""Writes the messages that this node holds, and the indexes by which they are found (node/store/message_search.py)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import func, select

from node.database import fulltext
from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.record_tables import BLOCK_SIZE, identifier, message, message_block, message_subject
from node.database.statements import change, insert_rows, rows_for
from node.reports.search_terms import SearchTerms
from node.stages import Opened
from node.store import counters
from node.undecided import usage
from node.undecided.usage import Budget, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One message to store, and the clause that admits it."""

    opened: Opened
    terms: SearchTerms
    agreement: str | None
    clause: str | None


@dataclass(slots=True, kw_only=True)
class Rows:
    """The rows of messages and of their indexes; columns in the order of the tables."""

    messages: list[tuple[Any, ...]] = field(default_factory=list)
    subjects: list[tuple[Any, ...]] = field(default_factory=list)
    identifiers: list[tuple[Any, ...]] = field(default_factory=list)
    texts: list[tuple[Any, ...]] = field(default_factory=list)


_MESSAGE: Final = (
    "id",
    "message_id",
    "originator",
    "stream",
    "sequence",
    "report_id",
    "created_at",
    "received_at",
    "expires_at",
    "agreement",
    "clause",
    "payload",
    "record",
)


_ID, _ORIGINATOR, _CREATED_AT, _PAYLOAD, _RECORD = (
    _MESSAGE.index(name) for name in ("id", "originator", "created_at", "payload", "record")
)
_RAISE_BLOCK: Final = Upsert(
    message_block,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["block"],
        set_={"created_max": insert.excluded.created_max},
        where=message_block.c.created_max < insert.excluded.created_max,
    ),
)
_LAST_ID: Final = select(func.max(message.c.id))


def add(db: Transaction, holdings: Sequence[Holding], received_at: int) -> None:
    """Store messages with their indexes."""
    if not holdings:
        return
    rows = Rows()
    for id_, holding in enumerate(holdings, next_id(db)):
        record, terms = holding.opened.verified, holding.terms
        rows.messages.append(
            (
                id_,
                record.header.message_id,
                record.batch.originator,
                record.batch.stream,
                record.sequence,
                terms.report_id,
                terms.created_at,
                received_at,
                record.header.expires_at,
                holding.agreement,
                holding.clause,
                holding.opened.payload,
                record.value,
            )
        )
        rows.subjects += [(subject, id_) for subject in terms.subjects]
        rows.identifiers += [(scheme, value, id_, country) for scheme, value, country in terms.match_keys]
        rows.texts.append((id_, terms.text))
    put(db, rows)


def next_id(db: Transaction) -> int:
    """The id of the next message. No other transaction adds a message until this one ends.

    Ids are cursors of searches: if a lower id became visible after a higher one, a search would skip its message.
    """
    hold(db, Lock.MESSAGES)
    return (rows_for(db, _LAST_ID, {})[0][0] or 0) + 1


def last_id(db: Transaction) -> int:
    """The id of the newest message; 0 if there is none. Every message with a lower id is visible too."""
    return rows_for(db, _LAST_ID, {})[0][0] or 0


def put(db: Transaction, rows: Rows) -> None:
    """Write messages with their indexes."""
    insert_rows(db, message, _MESSAGE, rows.messages)
    note(db, rows.messages)
    insert_rows(db, message_subject, ("subject", "message"), rows.subjects)
    insert_rows(db, identifier, ("scheme", "value", "message", "country"), rows.identifiers)
    fulltext.add(db, rows.texts)


def note(db: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    """Note that `rows` of messages were added: in the number of all, in what is used, and in the time of each block."""
    counters.increase(db, {counters.STORED: len(rows)})
    usage.add(db, [(row[_ORIGINATOR], Budget.STORED, Usage(1, len(row[_PAYLOAD]) + len(row[_RECORD]))) for row in rows])
    latest: dict[int, int] = {}
    for row in rows:
        block = row[_ID] // BLOCK_SIZE
        latest[block] = max(row[_CREATED_AT], latest.get(block, 0))
    change(db, _RAISE_BLOCK, [{"block": block, "created_max": created} for block, created in latest.items()])


def count(db: Transaction) -> int:
    """How many messages are held."""
    return counters.value(db, counters.STORED)
