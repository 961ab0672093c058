"""Grants in parts, and drafts that were set aside because they cannot be sealed.

Revision ID: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """A store of an earlier version has neither."""
    op.create_table(
        "granted_part",
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("audience_key_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("originator", "sequence"),
    )
    op.add_column("draft", sa.Column("set_aside_at", sa.BigInteger(), nullable=True))
    op.add_column("draft", sa.Column("set_aside_code", sa.String(length=64), nullable=True))
    op.add_column("draft", sa.Column("set_aside_reason", sa.Text(), nullable=True))
