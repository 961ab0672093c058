"""A report can be sealed again for parties that became entitled later, and drafts know what intake answered.

Revision ID: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

BEFORE = (
    "id, report_id, region, message_id, content_hash, payload, created_at, sequence, audience, labels, terms, "
    "set_aside_at, set_aside_code, set_aside_reason"
)


def upgrade() -> None:
    """Drafts of an earlier version are the first of their report, and have no answer."""
    missed = sa.text("missed IS NOT NULL")
    if op.get_bind().dialect.name == "sqlite":
        _make_again()
    else:
        op.drop_constraint("draft_report_id_region_key", "draft", type_="unique")
        op.add_column("draft", sa.Column("answered", sa.Text(), nullable=True))
        op.add_column("draft", sa.Column("missed", sa.Text(), nullable=True))
        op.add_column("draft", sa.Column("copy", sa.Integer(), nullable=False, server_default="0"))
        op.add_column("draft", sa.Column("only_for", sa.Text(), nullable=True))
        op.create_unique_constraint("draft_report_id_region_copy_key", "draft", ["report_id", "region", "copy"])
    op.create_index("draft_missed", "draft", ["id"], sqlite_where=missed, postgresql_where=missed)


def _make_again() -> None:
    """SQLite cannot change a unique constraint of a table."""
    for name in ("draft_accepted", "draft_set_aside"):
        op.drop_index(name, table_name="draft")
    op.rename_table("draft", "draft_before")
    op.create_table(
        "draft",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("audience", sa.Text(), nullable=True),
        sa.Column("labels", sa.LargeBinary(), nullable=True),
        sa.Column("terms", sa.LargeBinary(), nullable=True),
        sa.Column("set_aside_at", sa.BigInteger(), nullable=True),
        sa.Column("set_aside_code", sa.String(length=64), nullable=True),
        sa.Column("set_aside_reason", sa.Text(), nullable=True),
        sa.Column("answered", sa.Text(), nullable=True),
        sa.Column("missed", sa.Text(), nullable=True),
        sa.Column("copy", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("only_for", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id"),
        sa.UniqueConstraint("report_id", "region", "copy"),
    )
    op.execute(f"INSERT INTO draft ({BEFORE}) SELECT {BEFORE} FROM draft_before")  # noqa: S608 - constant names
    op.drop_table("draft_before")
    unsealed, aside = sa.text("sequence IS NULL"), sa.text("set_aside_at IS NOT NULL")
    op.create_index("draft_accepted", "draft", ["id"], sqlite_where=unsealed, postgresql_where=unsealed)
    op.create_index("draft_set_aside", "draft", ["id"], sqlite_where=aside, postgresql_where=aside)
