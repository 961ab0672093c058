"""Findings and positions are found by the stream: a late record looks at its neighbours, not at the history.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Replace the index of all findings of a stream by indexes of those that are open."""
    still_open = sa.text("closed_at IS NULL")
    op.drop_index("finding_stream", "finding")
    op.create_index(
        "finding_open",
        "finding",
        ["originator", "stream", "code", "sequence"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_index("finding_standing", "finding", ["id"], sqlite_where=still_open, postgresql_where=still_open)
    op.create_index("reading_stream", "reading", ["originator", "stream"])
