"""A name is found by its letters and digits alone, without spaces and punctuation.

Revision ID: 0025
"""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa
from alembic import op

from node.database.folding import joined_words
from node.reports.search_terms import search_terms
from schemas.avro import codec
from schemas.types import IntelligenceReport

revision = "0025"
down_revision = "0024"

MESSAGES_TOGETHER: Final = 500
NAME: Final = "NAME"
_message = sa.table("message", sa.column("id"), sa.column("payload"))
_identifier = sa.table(
    "identifier", sa.column("scheme"), sa.column("value"), sa.column("message"), sa.column("country")
)
_text = sa.table("message_text", sa.column("message"), sa.column("text"))


def upgrade() -> None:
    """Write keys and words of each message that names a NAME again, MESSAGES_TOGETHER at a time."""
    connection = op.get_bind()
    for reports in _reports(connection):
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


def _reports(connection: sa.Connection) -> Iterator[list[tuple[int, IntelligenceReport]]]:
    """MESSAGES_TOGETHER messages at a time. A damaged payload stays for `db check` to find."""
    named = sa.select(_identifier.c.message).where(_identifier.c.scheme == NAME)
    chosen = sa.select(_message).where(_message.c.id.in_(named)).order_by(_message.c.id).limit(MESSAGES_TOGETHER)
    last = 0
    while messages := connection.execute(chosen.where(_message.c.id > last)).all():
        last = messages[-1].id
        reports = []
        for id_, payload in messages:
            try:
                reports.append((id_, codec.decode(IntelligenceReport, payload)))
            except codec.BadMessage:
                continue
        if reports:
            yield reports
