"""Code lists and payload schemas grow: a daemon notices that it can read more than at its last start.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Room for the digest of what the program can read; without one everything in doubt is looked at again."""
    op.create_table(
        "knowledge",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
