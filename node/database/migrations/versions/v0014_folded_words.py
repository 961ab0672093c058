"""The full-text index holds folded words, also those of identifiers; identifiers are found by keys.

Revision ID: 0014
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from node.database.folding import joined_words
from node.database.migrations.stored_reports import Reports, message, stored_reports
from node.reports.match_keys import match_key
from node.reports.search_terms import search_terms

revision = "0014"
down_revision = "0013"

MESSAGES_TOGETHER: Final = 500
_SET_TEXT: Final = sa.text("UPDATE message_text SET text = :text WHERE message = :id")
_DROP_KEY: Final = sa.text(
    "DELETE FROM identifier WHERE scheme = :scheme AND value = :value AND message = :message AND country = :country"
)
_ADD_KEY: Final = sa.text(
    "INSERT INTO identifier (scheme, value, message, country) VALUES (:scheme, :value, :message, :country)"
)


def upgrade() -> None:
    """Write the words and the keys of each message again, MESSAGES_TOGETHER at a time, then index the words."""
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    for statement in _DROP_SQLITE if is_sqlite else ("DROP INDEX message_words",):
        op.execute(statement)
    for reports in stored_reports(connection, sa.select(message), MESSAGES_TOGETHER):
        texts = [{"id": id_, "text": joined_words(search_terms(report).text)} for id_, report in reports]
        connection.execute(_SET_TEXT, texts)
        _write_keys(connection, reports)
    for statement in _MAKE_SQLITE if is_sqlite else ("CREATE INDEX message_words ON message_text USING gin (words)",):
        op.execute(statement)


_DROP_SQLITE: Final = (
    "DROP TRIGGER message_text_added",
    "DROP TRIGGER message_text_removed",
    "DROP TABLE message_fts",
)
_MAKE_SQLITE: Final = (
    # The tokenizer `ascii` takes every character beyond ASCII for a letter: the words were separated before.
    "CREATE VIRTUAL TABLE message_fts USING fts5("
    "text, content='message_text', content_rowid='message', tokenize='ascii')",
    "INSERT INTO message_fts(message_fts) VALUES ('rebuild')",
    "CREATE TRIGGER message_text_added AFTER INSERT ON message_text BEGIN "
    "INSERT INTO message_fts(rowid, text) VALUES (new.message, new.text); END",
    "CREATE TRIGGER message_text_removed AFTER DELETE ON message_text BEGIN "
    "INSERT INTO message_fts(message_fts, rowid, text) VALUES ('delete', old.message, old.text); END",
)


def _write_keys(connection: sa.Connection, reports: Reports) -> None:
    """Change what differs; nearly every value is its own key."""
    values: set[tuple[Any, ...]] = {
        (identifier.scheme, identifier.value, id_, identifier.country or "")
        for id_, report in reports
        for entity in report.entities
        for identifier in entity.identifiers
    }
    keys = {(scheme, match_key(scheme, value), id_, country) for scheme, value, id_, country in values}
    for statement, rows in ((_DROP_KEY, values - keys), (_ADD_KEY, keys - values)):
        if rows:
            names = ("scheme", "value", "message", "country")
            connection.execute(statement, [dict(zip(names, row, strict=True)) for row in sorted(rows)])
