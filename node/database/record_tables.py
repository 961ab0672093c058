"""The tables of the outcome of each record: messages and their indexes, withheld, pending, quarantine, counters."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from node.database.metadata import Id, metadata

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
    Column("agreement", String(64), nullable=True, comment="that covers it; null for the own messages"),
    Column("clause", String(32), nullable=True),
    Column("payload", LargeBinary, nullable=False, comment="the report, Avro; empty after the erasure"),
    Column("record", LargeBinary, nullable=False, comment="as in the log; without its content after the erasure"),
    Column("erased_at", BigInteger, nullable=True, comment="when payload, content, text and identifiers were erased"),
    UniqueConstraint("originator", "stream", "sequence"),
)
Index("message_report_id", message.c.report_id)
Index("message_originator", message.c.originator, message.c.id)
Index("message_message_id", message.c.message_id)
_NOT_ERASED = message.c.erased_at.is_(None)
Index(
    "message_expires",
    message.c.expires_at,
    message.c.id,
    sqlite_where=_NOT_ERASED,
    postgresql_where=_NOT_ERASED,
)

BLOCK_SIZE: Final = 256  # ids of messages
message_block = Table(
    "message_block",
    metadata,
    Column("block", BigInteger, primary_key=True, autoincrement=False, comment="id of its messages / BLOCK_SIZE"),
    Column("created_max", BigInteger, nullable=False, comment="no message of the block was created later"),
)

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
    Column("country", String(2), primary_key=True, comment="that the report states; empty if it states none"),
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
    Column("position", BigInteger, nullable=True, comment="in its topic; null if an earlier version noted it"),
    Column("expires_at", BigInteger, nullable=True, comment="as its header says"),
)

Index("withheld_noted", withheld.c.noted_at, withheld.c.originator, withheld.c.stream, withheld.c.sequence)
Index("withheld_message_id", withheld.c.message_id, *withheld.primary_key)
_EXPIRED = withheld.c.code == "expired"
Index("withheld_expired", withheld.c.expires_at, sqlite_where=_EXPIRED, postgresql_where=_EXPIRED)

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
    Column("grant", BigInteger, nullable=True, comment="sequence of the grant that its header names"),
    Column("due_at", BigInteger, nullable=True, comment="when it is looked at again: held until then, or it expires"),
    Column("placed", Boolean, nullable=False, comment="it has a place in the chain"),
    Column("received_at", BigInteger, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("digest", LargeBinary(32), nullable=False, comment="of the bytes: they identify it, the position does not"),
    Column("budget", String(16), nullable=False),
    UniqueConstraint("topic", "digest"),
)
Index("pending_leaf", pending.c.originator, pending.c.stream, pending.c.sequence)
Index("pending_grant", pending.c.originator, pending.c.grant, pending.c.id)
Index("pending_message_id", pending.c.message_id, pending.c.id)
Index("pending_outcome", pending.c.outcome, pending.c.received_at, pending.c.id)
_HELD_UNTIL = pending.c.due_at.is_not(None)
Index("pending_due", pending.c.due_at, pending.c.id, sqlite_where=_HELD_UNTIL, postgresql_where=_HELD_UNTIL)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", String(36), primary_key=True, comment="from topic and bytes: equal bytes are one row"),
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
    Column("placed", Boolean, nullable=False, comment="it has a place in the chain"),
    Column("budget", String(16), nullable=False),
    Column("digest", LargeBinary(32), nullable=False, comment="of the bytes; stays when the bytes are deleted"),
    Column("size", Integer, nullable=False, comment="bytes that the record had in the log"),
    Column("expires_at", BigInteger, nullable=True, comment="as its header says; null if its retention does not end"),
    Column("erased_at", BigInteger, nullable=True, comment="when its content was erased"),
)
Index("quarantine_leaf", quarantine.c.originator, quarantine.c.stream, quarantine.c.sequence)
Index("quarantine_received", quarantine.c.received_at, quarantine.c.id)
_KEPT = quarantine.c.expires_at.is_not(None) & quarantine.c.erased_at.is_(None)
Index("quarantine_expires", quarantine.c.expires_at, quarantine.c.id, sqlite_where=_KEPT, postgresql_where=_KEPT)

counter = Table(
    "counter",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

knowledge = Table("knowledge", metadata, Column("digest", LargeBinary(32), primary_key=True, comment="one row"))
