"""An operator acknowledges findings.

Revision ID: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Nobody has acknowledged the findings of before."""
    op.add_column("finding", sa.Column("acknowledged_at", sa.BigInteger(), nullable=True))
    op.add_column("finding", sa.Column("acknowledged_by", sa.String(length=128), nullable=True))
    op.add_column("finding", sa.Column("acknowledged_reason", sa.Text(), nullable=True))
