"""Who handed a report in, and the answers that are kept by idempotency key.

Revision ID: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Make the two tables. Nobody but the owner of the home handed a report in before."""
    op.create_table(
        "handed_in",
        sa.Column("report_id", sa.String(36), nullable=False),
        sa.Column("integrator", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("report_id", "integrator"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "kept_answer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("integrator", sa.String(128), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("body_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("integrator", "key"),
    )
    op.create_index("kept_answer_kept_at", "kept_answer", ["kept_at", "id"])
