"""Drafts keep their labels and search terms, so that sealing and reading back do not decode the report again.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """A draft that an earlier version accepted has none; they are derived when it is sealed."""
    op.add_column("draft", sa.Column("labels", sa.LargeBinary(), nullable=True))
    op.add_column("draft", sa.Column("terms", sa.LargeBinary(), nullable=True))
