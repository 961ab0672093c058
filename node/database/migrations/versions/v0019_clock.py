"""What a node knows about its clock, and about the clocks of others.

Revision ID: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Streams that were read before have no time of the log until their next record."""
    op.add_column("reading", sa.Column("appended_at", sa.BigInteger(), nullable=True))
    op.add_column("withheld", sa.Column("position", sa.BigInteger(), nullable=True))
    op.add_column("withheld", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    expired = sa.text("code = 'expired'")
    op.create_index("withheld_expired", "withheld", ["expires_at"], sqlite_where=expired, postgresql_where=expired)
    op.create_table(
        "clock_correction",
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("batch", sa.LargeBinary(length=32), nullable=False),
        sa.Column("next_sequence", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("originator", "stream", "batch"),
    )
    op.create_table(
        "clock_check",
        sa.Column("node", sa.String(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("since_boot", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Boolean(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("node"),
    )
