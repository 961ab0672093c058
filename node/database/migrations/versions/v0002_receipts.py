"""Receipts, and records in quarantine that can be looked at again.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what receipts need; of each quarantined record say whether it has its place."""
    op.add_column("draft", sa.Column("audience", sa.Text(), nullable=True))
    op.add_column("quarantine", sa.Column("placed", sa.Boolean(), nullable=False, server_default=sa.false()))
    # Revision 0001 gave a place to everything that came as far as step 10; key_not_valid of step 11 it found before.
    op.execute("UPDATE quarantine SET placed = true WHERE step >= 10 AND code <> 'key_not_valid'")
    op.create_table(
        "turn",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO turn (id, value) VALUES (1, 0)")
    op.create_table(
        "batch_outcome",
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("outcomes", sa.LargeBinary(), nullable=False),
        sa.Column("due", sa.Integer(), nullable=False),
        sa.Column("due_since", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("originator", "stream", "hash"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "batch_outcome_due",
        "batch_outcome",
        ["due_since"],
        sqlite_where=sa.text("due > 0"),
        postgresql_where=sa.text("due > 0"),
    )
    op.create_table(
        "own_batch",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("own_batch_first", "own_batch", ["stream", "first"])
    op.create_table(
        "receipt",
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=16), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("outcomes", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("batch", "recipient", "sequence"),
        sqlite_with_rowid=False,
    )
