"""Full-text search: which messages contain these words. FTS5 on SQLite, `tsvector` with a GIN index on PostgreSQL.

Every word of the query must occur. Words are taken literally, so that a query cannot use the operators of the index.
`message_text.text` holds folded words (node/database/folding.py), each after one space. The databases only cut it at
the spaces, so both give the same answers. Rules:

- A word with punctuation inside, as `go-fast`, is a phrase, or one word without the punctuation.
- All words of a query, written without a space, may also be one word: identifiers are stored without separators, so
  `+501 223 2222` finds the phone number.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    TextClause,
    and_,
    bindparam,
    delete,
    false,
    func,
    literal_column,
    or_,
    table,
    text,
)

from node.database.dialects import POSTGRESQL, SQLITE
from node.database.folding import has_unseparated, joined_words, words_of
from node.database.record_tables import message_text
from node.database.statements import change, insert_together

JOINED_CHARS_MAX: Final = 64  # no identifier is longer, but for names

_fts = table("message_fts")
_ROWID: Final[ColumnElement[int]] = literal_column("message_fts.rowid")
DELETES_AT_ONCE: Final = (3, 42)  # SQLite
MERGED_PAGES_MAX: Final = 500  # of the index, in a transaction
_REMOVE: Final = delete(message_text).where(message_text.c.message == bindparam("id_"))
_MATCHES_SQLITE: Final = "message_fts MATCH :asked"
_MATCHES_POSTGRESQL: Final = "message_text.words @@ CAST(:asked AS tsquery)"

Condition = ColumnElement[bool] | TextClause
Conditions = Sequence[Condition]
Words = tuple[str, ...]


def add(db: Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Index the texts of messages, by message id."""
    insert_together(db, message_text, ("message", "text"), [(id_, stored_form(content)) for id_, content in rows])


def remove(db: Connection, ids: Sequence[int]) -> None:
    """Remove the texts of messages, by message id. `forget_words` removes what the index keeps of the words."""
    if db.dialect.name == SQLITE and sqlite3.sqlite_version_info >= DELETES_AT_ONCE:
        db.exec_driver_sql("INSERT INTO message_fts(message_fts, rank) VALUES ('secure-delete', 1)")
    change(db, _REMOVE, [{"id_": id_} for id_ in ids])


def stored_form(content: str) -> str:
    """A text as `message_text` holds it."""
    return joined_words(content)


def matching(dialect: str, asked: str) -> tuple[FromClause, ColumnElement[int], Conditions]:
    """The table of the index, its column with the ids of messages, and what holds for a text with the words `asked`.

    `dialect` is the name of the database (node/database/dialects.py).
    Nothing holds for a text without a word. The index returns ids in their order.
    """
    written = [words for part in asked.split() if (words := tuple(words_of(part)))]
    together = _joined(tuple(chain(*written))) if len(written) > 1 else None
    phrases = list(dict.fromkeys(written))
    if dialect == POSTGRESQL:
        return message_text, message_text.c.message, _conditions_postgresql(phrases, together)
    return _fts, _ROWID, [_matches(_MATCHES_SQLITE, _query_sqlite(phrases, together))]


def _joined(words: Words) -> str | None:
    """The words as one word, if an identifier can be written so."""
    joined = "".join(words)
    return joined if len(words) > 1 and len(joined) <= JOINED_CHARS_MAX and not has_unseparated(joined) else None


def _matches(template: str, asked: str) -> TextClause:
    return text(template).bindparams(bindparam("asked", asked, unique=True))


def _query_sqlite(phrases: list[Words], together: str | None) -> str:
    """Folded words are letters, digits and signs of letters only, so they need no escape inside quotes."""
    parts = []
    for words in phrases:
        joined = _joined(words)
        phrase = f'"{" ".join(words)}"'
        parts.append(f'({phrase} OR "{joined}")' if joined else phrase)
    every = " AND ".join(parts) or '""'
    return f'({every}) OR "{together}"' if together else every


def _conditions_postgresql(phrases: list[Words], together: str | None) -> list[Condition]:
    """One condition for the index, and one about the order of the words in each phrase."""
    if not phrases:
        return [false()]
    parts, exact = [], []
    for words in phrases:
        joined = _joined(words)
        every = " & ".join(f"'{word}'" for word in dict.fromkeys(words))
        parts.append(f"({every} | '{joined}')" if joined else f"({every})")
        if len(words) > 1:
            in_order: Condition = func.strpos(" " + message_text.c.text + " ", f" {' '.join(words)} ") > 0
            exact.append(or_(in_order, _matches(_MATCHES_POSTGRESQL, f"'{joined}'")) if joined else in_order)
    asked = " & ".join(parts)
    conditions: list[Condition] = [_matches(_MATCHES_POSTGRESQL, f"{asked} | '{together}'" if together else asked)]
    if exact:
        ordered = and_(*exact)
        conditions.append(or_(ordered, _matches(_MATCHES_POSTGRESQL, f"'{together}'")) if together else ordered)
    return conditions


def forget_words(db: Connection, *, begin: bool) -> bool:
    """Do a part of what removes deleted words from the index; returns whether a further part is needed.

    Only SQLite before 3.42 keeps them: it marks them as deleted, until the parts of the index are merged into one.
    """
    if db.dialect.name != SQLITE or sqlite3.sqlite_version_info >= DELETES_AT_ONCE:
        return False
    before = db.exec_driver_sql("SELECT total_changes()").scalar_one()
    pages = -MERGED_PAGES_MAX if begin else MERGED_PAGES_MAX
    db.exec_driver_sql("INSERT INTO message_fts(message_fts, rank) VALUES ('merge', ?)", (pages,))
    return int(db.exec_driver_sql("SELECT total_changes()").scalar_one()) - int(before) > 1
