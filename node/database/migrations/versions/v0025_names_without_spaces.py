"""A name is found by its letters and digits alone, without spaces and punctuation.

Revision ID: 0025
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from node.database.folding import joined_words
from node.database.migrations.stored_reports import message, stored_reports
from node.reports.search_terms import search_terms

revision = "0025"
down_revision = "0024"

MESSAGES_TOGETHER: Final = 500
NAME: Final = "NAME"
_identifier = sa.table(
    "identifier", sa.column("scheme"), sa.column("value"), sa.column("message"), sa.column("country")
)
_text = sa.table("message_text", sa.column("message"), sa.column("text"))


def upgrade() -> None:
    """Write keys and words of each message that names a NAME again, MESSAGES_TOGETHER at a time."""
    connection = op.get_bind()
    named = sa.select(message).where(
        message.c.id.in_(sa.select(_identifier.c.message).where(_identifier.c.scheme == NAME))
    )
    for reports in stored_reports(connection, named, MESSAGES_TOGETHER):
        ids = [id_ for id_, _ in reports]
        terms = [(id_, search_terms(report)) for id_, report in reports]
        keys = [
            {"scheme": scheme, "value": value, "message": id_, "country": country}
            for id_, found in terms
            for scheme, value, country in sorted(found.match_keys)
            if scheme == NAME
        ]
        texts = [{"message": id_, "text": joined_words(found.text)} for id_, found in terms]
        _write(connection, _identifier, _identifier.c.message.in_(ids) & (_identifier.c.scheme == NAME), keys)
        _write(connection, _text, _text.c.message.in_(ids), texts)


def _write(
    connection: sa.Connection, table: sa.TableClause, old: sa.ColumnElement[bool], rows: list[dict[str, object]]
) -> None:
    """Put `rows` in the place of the old ones: the index of words follows rows that come and go."""
    connection.execute(sa.delete(table).where(old))
    connection.execute(sa.insert(table), rows)
