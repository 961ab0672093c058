"""Full-text search: which messages contain these words. FTS5 on SQLite, `tsvector` with a GIN index on PostgreSQL.

It ignores case and accents. Every word of the query must occur. Words are taken literally, so that a query cannot use
the operators of the index. A word with punctuation inside, as in `go-fast`, must occur as a phrase.

On SQLite the index folds the text itself. On PostgreSQL `message_text.text` holds the folded words, each after one
space; a column that PostgreSQL computes from it (`words`) is the index.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, FromClause, TextClause, false, func, literal_column, table, text

from node.database.dialects import POSTGRESQL
from node.database.folding import words_of
from node.database.record_tables import message_text
from node.database.statements import insert_together

_fts = table("message_fts")
_ROWID: Final[ColumnElement[int]] = literal_column("message_fts.rowid")
_HAS_WORDS: Final = "message_text.words @@ CAST(:asked AS tsquery)"


def add(db: Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Index the texts of messages, by message id."""
    insert_together(db, message_text, ("message", "text"), [(id_, stored_form(db, content)) for id_, content in rows])


def stored_form(db: Connection, content: str) -> str:
    """A text as `message_text` holds it."""
    return " ".join(words_of(content)) if db.dialect.name == POSTGRESQL else content


Conditions = Sequence[ColumnElement[bool] | TextClause]


def matching(db: Connection, words: str) -> tuple[FromClause, ColumnElement[int], Conditions]:
    """The table of the index, its column with the ids of messages, and what holds for a text with each of `words`.

    Nothing holds for a text without a word. The index returns ids in their order.
    """
    if db.dialect.name == POSTGRESQL:
        return message_text, message_text.c.message, _matching_postgresql(words)
    quoted = " ".join('"' + word.replace('"', '""') + '"' for word in words.replace("\x00", " ").split())
    condition: TextClause = text("message_fts MATCH :words").bindparams(words=quoted or '""')
    return _fts, _ROWID, [condition]


def _matching_postgresql(words: str) -> list[ColumnElement[bool] | TextClause]:
    phrases = [folded for word in words.split() if (folded := words_of(word))]
    if not phrases:
        return [false()]
    # Folded words are letters and digits only, so they need no escape.
    asked = " & ".join(f"'{word}'" for word in sorted({word for phrase in phrases for word in phrase}))
    conditions: list[ColumnElement[bool] | TextClause] = [text(_HAS_WORDS).bindparams(asked=asked)]
    conditions += [
        func.strpos(" " + message_text.c.text + " ", f" {' '.join(phrase)} ") > 0
        for phrase in phrases
        if len(phrase) > 1
    ]
    return conditions
