"""The first tables of a node's store.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table, and the full-text index over `message_text` with its triggers."""
    op.create_table(
        "access_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column(
            "operation",
            sa.String(length=16),
            nullable=False,
            comment="LED Art 25(1): COLLECTION, CONSULTATION, DISCLOSURE ...",
        ),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False, comment="message or report id"),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "draft",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True, comment="until the message is sealed"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True, comment="in intel.<region>, once sealed"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id"),
        sa.UniqueConstraint("report_id", "region"),
    )
    unsealed = sa.text("sequence IS NULL")
    op.create_index("draft_accepted", "draft", ["id"], sqlite_where=unsealed, postgresql_where=unsealed)
    op.create_table(
        "finding",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("last_sequence", sa.BigInteger(), nullable=True, comment="of a gap"),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True, comment="when a late record closed the gap"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("finding_stream", "finding", ["originator", "stream"], unique=False)
    op.create_table(
        "granted",
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("audience_key_id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("originator", "audience_key_id"),
        sa.UniqueConstraint("originator", "sequence"),
    )
    op.create_table(
        "head",
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("next_sequence", sa.BigInteger(), nullable=False),
        sa.Column("batch_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream"),
    )
    op.create_table(
        "link",
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.Column("arrived", sa.LargeBinary(), nullable=False, comment="bitmap of leaves, little-endian"),
        sa.Column("linked", sa.Boolean(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("originator", "stream", "first"),
    )
    op.create_index("link_hash", "link", ["originator", "stream", "hash"], unique=False)
    op.create_index(
        "link_not_whole",
        "link",
        ["originator", "stream", "first"],
        sqlite_where=sa.text("whole IS 0"),
        postgresql_where=sa.text("whole IS FALSE"),
    )
    op.create_index("link_previous", "link", ["originator", "stream", "previous"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "agreement", sa.String(length=64), nullable=True, comment="that admitted it; null for the node's own"
        ),
        sa.Column("clause", sa.String(length=32), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False, comment="the report, Avro"),
        sa.Column("record", sa.LargeBinary(), nullable=False, comment="the sealed record, as it stood in the log"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("originator", "stream", "sequence"),
    )
    op.create_index("message_message_id", "message", ["message_id"], unique=False)
    op.create_index("message_report_id", "message", ["report_id"], unique=False)
    op.create_table(
        "outgoing",
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("acknowledged", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "sequence"),
    )
    op.create_table(
        "own_grant",
        sa.Column(
            "audience",
            sa.LargeBinary(length=32),
            nullable=False,
            comment="hash of the set of (recipient, key, clauses)",
        ),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("audience"),
    )
    op.create_table(
        "pending",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic", sa.String(length=128), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False, comment="waiting or held"),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("grant", sa.BigInteger(), nullable=True, comment="sequence of the grant that it waits for"),
        sa.Column("due_at", sa.BigInteger(), nullable=True, comment="when a held one may be looked at again"),
        sa.Column("placed", sa.Boolean(), nullable=False, comment="it has its place in the chain"),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("topic", "position"),
    )
    op.create_index("pending_grant", "pending", ["originator", "grant"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column(
            "id",
            sa.String(length=36),
            nullable=False,
            comment="from topic and bytes: the same bytes again are the same row",
        ),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("topic", sa.String(length=128), nullable=False),
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("quarantine_day", "quarantine", ["topic", "received_at"], unique=False)
    op.create_table(
        "reading",
        sa.Column("topic", sa.String(length=128), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("highest", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic"),
    )
    op.create_table(
        "used_id",
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("originator", "stream", "message_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "withheld",
        sa.Column("originator", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("agreement", sa.String(length=64), nullable=True),
        sa.Column("clause", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("originator", "stream", "sequence"),
    )
    op.create_table(
        "identifier",
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=256), nullable=False),
        sa.Column("message", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["message.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("scheme", "value", "message"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "message_subject",
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("message", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["message.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("subject", "message"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "message_text",
        sa.Column("message", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["message.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("message"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _index_words_postgresql()
    else:
        _index_words_sqlite()


def _index_words_postgresql() -> None:
    """The words of `text`, which holds them folded, each after one space."""
    op.execute('ALTER TABLE message_text ALTER COLUMN text TYPE text COLLATE "C"')
    op.execute(
        "ALTER TABLE message_text ADD COLUMN words tsvector "
        "GENERATED ALWAYS AS (array_to_tsvector(string_to_array(text, ' '))) STORED"
    )
    op.execute("CREATE INDEX message_words ON message_text USING gin (words)")


def _index_words_sqlite() -> None:
    op.execute(
        "CREATE VIRTUAL TABLE message_fts USING fts5("
        "text, content='message_text', content_rowid='message', tokenize='unicode61 remove_diacritics 2')"
    )
    op.execute(
        "CREATE TRIGGER message_text_added AFTER INSERT ON message_text BEGIN "
        "INSERT INTO message_fts(rowid, text) VALUES (new.message, new.text); END"
    )
    op.execute(
        "CREATE TRIGGER message_text_removed AFTER DELETE ON message_text BEGIN "
        "INSERT INTO message_fts(message_fts, rowid, text) VALUES ('delete', old.message, old.text); END"
    )
