"""A search for messages since a time leaves out the blocks of messages that were all created before.

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Note the latest time of each block of 256 messages."""
    op.create_table(
        "message_block",
        sa.Column(
            "block", sa.BigInteger(), autoincrement=False, nullable=False, comment="id of its messages / BLOCK_SIZE"
        ),
        sa.Column("created_max", sa.BigInteger(), nullable=False, comment="no message of the block was created later"),
        sa.PrimaryKeyConstraint("block"),
    )
    op.execute(
        "INSERT INTO message_block (block, created_max) SELECT id / 256, max(created_at) FROM message GROUP BY id / 256"
    )
