"""The tables of the access log: its entries, their end, the signed heads, and the polls that are counted."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from node.database.metadata import Id, metadata

access_log = Table(
    "access_log",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("operation", String(16), nullable=False, comment="LED Art 25(1): COLLECTION, CONSULTATION, DISCLOSURE ..."),
    Column("actor", String(128), nullable=False),
    Column("subject", String(64), nullable=False, comment="message or report id; empty if a question found nothing"),
    Column("detail", Text, nullable=False),
    Column("purpose", String(64), nullable=True, comment="code of the purposes list"),
    Column("reason", Text, nullable=True, comment="of the user, in words"),
    Column("query", Text, nullable=True, comment="the question, normalised"),
    Column("hits", Integer, nullable=True, comment="how many messages the question found"),
    Column("hash", LargeBinary(32), nullable=True, comment="covers the entry and the hash of the entry before it"),
)

access_end = Table(
    "access_end",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("entry", BigInteger, nullable=False, comment="id of the last entry"),
    Column("hash", LargeBinary(32), nullable=False, comment="of the last entry"),
)

access_head = Table(
    "access_head",
    metadata,
    Column("id", Id, primary_key=True),
    Column("entry", BigInteger, nullable=False, comment="id of the entry that was the last one"),
    Column("hash", LargeBinary(32), nullable=False, comment="of this entry"),
    Column("at", BigInteger, nullable=False, comment="when it was signed"),
    Column("erased_entry", BigInteger, nullable=False, comment="entries up to this id were erased by a user; or 0"),
    Column("erased_hash", LargeBinary(32), nullable=False, comment="of the last erased entry; or zeros"),
    Column("key_id", LargeBinary(32), nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

access_poll = Table(
    "access_poll",
    metadata,
    Column("key", LargeBinary(32), primary_key=True, comment="digest of the actor and the question"),
    Column("actor", String(128), nullable=False),
    Column("command", String(64), nullable=False),
    Column("query", Text, nullable=False),
    Column("purpose", String(64), nullable=True),
    Column("reason", Text, nullable=True),
    Column("first_at", BigInteger, nullable=False, comment="when the entry of the question was written"),
    Column("last_at", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False, comment="repetitions that no entry covers yet"),
    Index("access_poll_first", "first_at"),
    Index("access_poll_actor", "actor"),
)
