"""Erasure: when content was erased, and by which index the next content to erase is found.

Revision ID: 0018
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from schemas.avro import codec
from schemas.types import Header, SealedMessage

revision = "0018"
down_revision = "0017"

ROWS_AT_ONCE = 100


def upgrade() -> None:
    """Add the columns; refused records get the end of their retention from their header."""
    op.add_column("message", sa.Column("erased_at", sa.BigInteger(), nullable=True))
    op.add_column("draft", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("erased_at", sa.BigInteger(), nullable=True))
    not_erased = sa.text("erased_at IS NULL")
    kept = sa.text("expires_at IS NOT NULL AND erased_at IS NULL")
    op.create_index(
        "message_expires", "message", ["expires_at", "id"], sqlite_where=not_erased, postgresql_where=not_erased
    )
    _note_expiry()
    op.create_index("quarantine_expires", "quarantine", ["expires_at", "id"], sqlite_where=kept, postgresql_where=kept)


def _note_expiry() -> None:
    connection = op.get_bind()
    table = sa.table("quarantine", sa.column("id"), sa.column("value"), sa.column("expires_at"))
    last: Any = ""
    while rows := connection.execute(
        sa.select(table.c.id, table.c.value).where(table.c.id > last).order_by(table.c.id).limit(ROWS_AT_ONCE)
    ).all():
        for row in rows:
            if (expires_at := _expires_at(bytes(row.value))) is not None:
                op.execute(table.update().where(table.c.id == row.id).values(expires_at=expires_at))
        last = rows[-1].id


def _expires_at(value: bytes) -> int | None:
    try:
        header = codec.decode(Header, codec.decode(SealedMessage, value).header)
    except codec.BadMessage:
        return None
    return header.expires_at or None
