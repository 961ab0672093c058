"""The tables of the streams that are read: positions, chains, used ids, grants, findings; and of standing faults."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from node.database.metadata import Id, metadata

reading = Table(
    "reading",
    metadata,
    Column("topic", String(128), primary_key=True),
    Column("stream", String(64), nullable=False),
    Column("originator", String(16), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("highest", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=True, comment="of the record before the position"),
    Column("appended_at", BigInteger, nullable=True, comment="when the log stored that record, as the log says"),
)

Index("reading_stream", reading.c.originator, reading.c.stream)

turn = Table(
    "turn",
    metadata,
    Column("originator", String(16), primary_key=True),
    Column("value", BigInteger, nullable=False, comment="goes up with each ingest of its records"),
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
_NOT_WHOLE = link.c.whole.is_(False)
Index(
    "link_not_whole",
    link.c.originator,
    link.c.stream,
    link.c.first,
    sqlite_where=_NOT_WHOLE,
    postgresql_where=_NOT_WHOLE,
)

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

granted_part = Table(
    "granted_part",
    metadata,
    Column("originator", String(16), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("audience_key_id", LargeBinary(32), nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

clock_correction = Table(
    "clock_correction",
    metadata,
    Column("originator", String(16), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("batch", LargeBinary(32), primary_key=True, comment="the last one that was sealed under a wrong clock"),
    Column("next_sequence", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False, comment="at which it and those before it count as sealed at the latest"),
)

clock_check = Table(
    "clock_check",
    metadata,
    Column("node", String(16), primary_key=True, comment="one row"),
    Column("at", BigInteger, nullable=False, comment="when the clock was found plausible"),
    Column("boot", String(64), nullable=False, comment="which start of the machine"),
    Column("since_boot", BigInteger, nullable=False, comment="ms from that start to `at`"),
    Column("evidence", Boolean, nullable=False, comment="others sealed within a day of it"),
    Column("confirmed", Boolean, nullable=False, comment="an operator said that the clock is right"),
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
    Column("acknowledged_at", BigInteger, nullable=True, comment="when an operator said that it is dealt with"),
    Column("acknowledged_by", String(128), nullable=True),
    Column("acknowledged_reason", Text, nullable=True),
)
Index(
    "finding_open",
    finding.c.originator,
    finding.c.stream,
    finding.c.code,
    finding.c.sequence,
    sqlite_where=finding.c.closed_at.is_(None),
    postgresql_where=finding.c.closed_at.is_(None),
)
Index(
    "finding_standing",
    finding.c.id,
    sqlite_where=finding.c.closed_at.is_(None),
    postgresql_where=finding.c.closed_at.is_(None),
)

fault = Table(
    "fault",
    metadata,
    Column("code", String(64), primary_key=True),
    Column("subject", String(128), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
)
