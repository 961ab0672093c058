"""Every statement finds its rows by an index, and the numbers of rows are kept, however large the store is.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_COUNTED = (("stored", "message"), ("withheld", "withheld"), ("accepted", "draft WHERE sequence IS NULL"))


def upgrade() -> None:
    """Add indexes, and count the rows of each table once."""
    held_until, due = sa.text("due_at IS NOT NULL"), sa.text("due > 0")
    op.create_index("message_originator", "message", ["originator", "id"])
    op.create_index("withheld_noted", "withheld", ["noted_at", "originator", "stream", "sequence"])
    op.create_index("withheld_message_id", "withheld", ["message_id"])
    op.drop_index("pending_grant", "pending")
    op.create_index("pending_grant", "pending", ["originator", "grant", "id"])
    op.create_index("pending_message_id", "pending", ["message_id"])
    op.create_index("pending_outcome", "pending", ["outcome", "received_at"])
    op.create_index("pending_due", "pending", ["due_at", "id"], sqlite_where=held_until, postgresql_where=held_until)
    op.create_index("quarantine_received", "quarantine", ["received_at", "id"])
    op.drop_index("batch_outcome_due", "batch_outcome")
    op.create_index(
        "batch_outcome_due",
        "batch_outcome",
        ["due_since", "originator", "stream", "hash"],
        sqlite_where=due,
        postgresql_where=due,
    )
    op.create_index(
        "batch_outcome_changed", "batch_outcome", ["due", "changed_at"], sqlite_where=due, postgresql_where=due
    )
    op.create_index("outgoing_acknowledged", "outgoing", ["acknowledged"])
    for name, rows in _COUNTED:
        op.execute(f"DELETE FROM counter WHERE name = '{name}'")  # noqa: S608
        op.execute(f"INSERT INTO counter (name, value) SELECT '{name}', count(*) FROM {rows} HAVING count(*) > 0")  # noqa: S608
