"""Several processes that read: what one ingests of an originator is no news to who reads another.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Count the ingests of each originator instead of all."""
    op.drop_table("turn")
    op.create_table(
        "turn",
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("originator"),
    )
