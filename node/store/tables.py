"""The tables of a node's store, as SQLAlchemy Core metadata. Times are ms since 1970 UTC; ids and hashes are raw bytes.

What is sent: draft, outgoing, head, own_grant. The streams that are read: reading, link, used_id, granted, finding.
Records: message and its indexes, withheld, pending, quarantine. Receipts: batch_outcome (sent), own_batch, receipt.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

Id = BigInteger().with_variant(Integer, "sqlite")

draft = Table(
    "draft",
    metadata,
    Column("id", Id, primary_key=True),
    Column("report_id", String(36), nullable=False),
    Column("region", String(64), nullable=False),
    Column("message_id", LargeBinary(16), nullable=False, unique=True),
    Column("content_hash", LargeBinary(32), nullable=False),
    Column("payload", LargeBinary, nullable=True, comment="until the message is sealed"),
    Column("created_at", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=True, comment="in intel.<region>, once sealed"),
    Column("audience", Text, nullable=True, comment="codes of the recipients, once sealed"),
    UniqueConstraint("report_id", "region"),
)
Index("draft_accepted", draft.c.id, sqlite_where=draft.c.sequence.is_(None))

outgoing = Table(
    "outgoing",
    metadata,
    Column("stream", String(64), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
)

head = Table(
    "head",
    metadata,
    Column("stream", String(64), primary_key=True),
    Column("next_sequence", BigInteger, nullable=False),
    Column("batch_hash", LargeBinary(32), nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
)

own_grant = Table(
    "own_grant",
    metadata,
    Column("audience", LargeBinary(32), primary_key=True, comment="hash of the set of (recipient, key, clauses)"),
    Column("sequence", BigInteger, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

reading = Table(
    "reading",
    metadata,
    Column("topic", String(128), primary_key=True),
    Column("stream", String(64), nullable=False),
    Column("originator", String(16), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("highest", BigInteger, nullable=False),
)

link = Table(
    "link",
    metadata,
    Column("originator", String(16), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("size", Integer, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("arrived", LargeBinary, nullable=False, comment="bitmap of leaves, little-endian"),
    Column("linked", Boolean, nullable=False),
    Column("whole", Boolean, nullable=False),
)
Index("link_hash", link.c.originator, link.c.stream, link.c.hash)
Index("link_previous", link.c.originator, link.c.stream, link.c.previous)
Index("link_not_whole", link.c.originator, link.c.stream, link.c.first, sqlite_where=link.c.whole.is_(False))

used_id = Table(
    "used_id",
    metadata,
    Column("originator", String(16), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("message_id", LargeBinary(16), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

granted = Table(
    "granted",
    metadata,
    Column("originator", String(16), primary_key=True),
    Column("audience_key_id", LargeBinary(32), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("originator", "sequence"),
)

finding = Table(
    "finding",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", String(64), nullable=False),
    Column("originator", String(16), nullable=False),
    Column("stream", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=True),
    Column("last_sequence", BigInteger, nullable=True, comment="of a gap"),
    Column("position", BigInteger, nullable=True),
    Column("found_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=True, comment="when a late record closed the gap"),
)
Index("finding_stream", finding.c.originator, finding.c.stream)

message = Table(
    "message",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message_id", LargeBinary(16), nullable=False),
    Column("originator", String(16), nullable=False),
    Column("stream", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("report_id", String(36), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("agreement", String(64), nullable=True, comment="that admitted it; null for the node's own"),
    Column("clause", String(32), nullable=True),
    Column("payload", LargeBinary, nullable=False, comment="the report, Avro"),
    Column("record", LargeBinary, nullable=False, comment="the sealed record, as it stood in the log"),
    UniqueConstraint("originator", "stream", "sequence"),
)
Index("message_report_id", message.c.report_id)
Index("message_message_id", message.c.message_id)

message_subject = Table(
    "message_subject",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("message", ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    sqlite_with_rowid=False,
)

identifier = Table(
    "identifier",
    metadata,
    Column("scheme", String(64), primary_key=True),
    Column("value", String(256), primary_key=True),
    Column("message", ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    sqlite_with_rowid=False,
)

message_text = Table(
    "message_text",
    metadata,
    Column("message", ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    Column("text", Text, nullable=False),
)

withheld = Table(
    "withheld",
    metadata,
    Column("originator", String(16), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("message_id", LargeBinary(16), nullable=False),
    Column("code", String(64), nullable=False),
    Column("agreement", String(64), nullable=True),
    Column("clause", String(32), nullable=True),
    Column("reason", Text, nullable=False),
    Column("noted_at", BigInteger, nullable=False),
)

pending = Table(
    "pending",
    metadata,
    Column("id", Id, primary_key=True),
    Column("topic", String(128), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("originator", String(16), nullable=False),
    Column("stream", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("message_id", LargeBinary(16), nullable=True),
    Column("outcome", String(16), nullable=False, comment="waiting or held"),
    Column("reason", String(32), nullable=False),
    Column("grant", BigInteger, nullable=True, comment="sequence of the grant that it waits for"),
    Column("due_at", BigInteger, nullable=True, comment="when a held one may be looked at again"),
    Column("placed", Boolean, nullable=False, comment="it has its place in the chain"),
    Column("received_at", BigInteger, nullable=False),
    Column("value", LargeBinary, nullable=False),
    UniqueConstraint("topic", "position"),
)
Index("pending_grant", pending.c.originator, pending.c.grant)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", String(36), primary_key=True, comment="from topic and bytes: the same bytes again are the same row"),
    Column("code", String(64), nullable=False),
    Column("step", Integer, nullable=False),
    Column("detail", Text, nullable=False),
    Column("topic", String(128), nullable=False),
    Column("originator", String(16), nullable=False),
    Column("stream", String(64), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=True),
    Column("received_at", BigInteger, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("placed", Boolean, nullable=False, comment="it has its place in the chain"),
)
Index("quarantine_day", quarantine.c.topic, quarantine.c.received_at)

turn = Table(
    "turn",
    metadata,
    Column("originator", String(16), primary_key=True),
    Column("value", BigInteger, nullable=False, comment="goes up with each ingest: who read before is told so"),
)

batch_outcome = Table(
    "batch_outcome",
    metadata,
    Column("originator", String(16), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),
    Column("outcomes", LargeBinary, nullable=False, comment="one byte for each leaf, as a receipt has it"),
    Column("due", Integer, nullable=False, comment="0 told, 1 to be told, 2 may not be told by the NODE document"),
    Column("due_since", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("batch_outcome_due", batch_outcome.c.due_since, sqlite_where=batch_outcome.c.due > 0)

own_batch = Table(
    "own_batch",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("stream", String(64), nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("recipients", Text, nullable=False, comment="codes of those who have an entry for something in it"),
)
Index("own_batch_first", own_batch.c.stream, own_batch.c.first)

receipt = Table(
    "receipt",
    metadata,
    Column("batch", LargeBinary(32), primary_key=True),
    Column("recipient", String(16), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, comment="in the recipient's receipts stream"),
    Column("outcomes", LargeBinary, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

knowledge = Table("knowledge", metadata, Column("digest", LargeBinary(32), primary_key=True, comment="one row"))

counter = Table(
    "counter",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

access_log = Table(
    "access_log",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("operation", String(16), nullable=False, comment="LED Art 25(1): COLLECTION, CONSULTATION, DISCLOSURE ..."),
    Column("actor", String(128), nullable=False),
    Column("subject", String(64), nullable=False, comment="message or report id"),
    Column("detail", Text, nullable=False),
)
