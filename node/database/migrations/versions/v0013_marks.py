"""A position belongs to a topic as it was read: the digest of the record before it is kept.

Revision ID: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the digest; topics that were read before have one from their next record on."""
    op.add_column("reading", sa.Column("digest", sa.LargeBinary(length=32), nullable=True))
    aside = sa.text("set_aside_at IS NOT NULL")
    op.create_index("draft_set_aside", "draft", ["id"], sqlite_where=aside, postgresql_where=aside)
