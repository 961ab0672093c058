"""Three indexes hold their rows in the order in which statements want them.

Revision ID: 0011
"""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the indexes again with more columns."""
    for name, table, columns in (
        ("withheld_message_id", "withheld", ["message_id", "originator", "stream", "sequence"]),
        ("pending_message_id", "pending", ["message_id", "id"]),
        ("pending_outcome", "pending", ["outcome", "received_at", "id"]),
    ):
        op.drop_index(name, table)
        op.create_index(name, table, columns)
