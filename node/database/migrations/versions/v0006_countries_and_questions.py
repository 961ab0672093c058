"""Identifiers have their country; the access log has the question, its purpose and its reason.

Revision ID: 0006
"""

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from schemas.avro import codec
from schemas.types import IntelligenceReport

revision = "0006"
down_revision = "0005"

MESSAGES_TOGETHER: Final = 1_000


def upgrade() -> None:
    """Make the table of identifiers again, from the stored reports; add columns to the access log."""
    op.add_column("access_log", sa.Column("purpose", sa.String(length=64), nullable=True))
    op.add_column("access_log", sa.Column("reason", sa.Text(), nullable=True))
    op.add_column("access_log", sa.Column("query", sa.Text(), nullable=True))
    op.add_column("access_log", sa.Column("hits", sa.Integer(), nullable=True))
    op.drop_table("identifier")
    identifier = op.create_table(
        "identifier",
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=256), nullable=False),
        sa.Column("message", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["message.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("scheme", "value", "message", "country"),
        sqlite_with_rowid=False,
    )
    for rows in _identifiers(op.get_bind()):
        op.bulk_insert(identifier, rows)


def _identifiers(connection: sa.Connection) -> Iterator[list[dict[str, Any]]]:
    """The rows of MESSAGES_TOGETHER messages at a time."""
    message = sa.table("message", sa.column("id"), sa.column("payload"))
    chosen = sa.select(message).order_by(message.c.id).limit(MESSAGES_TOGETHER)
    last = 0
    while messages := connection.execute(chosen.where(message.c.id > last)).all():
        last = messages[-1].id
        found = {
            (identifier.scheme, identifier.value, id_, identifier.country or "")
            for id_, payload in messages
            for entity in codec.decode(IntelligenceReport, payload).entities
            for identifier in entity.identifiers
        }
        names = ("scheme", "value", "message", "country")
        yield [dict(zip(names, row, strict=True)) for row in sorted(found)]
