"""The tables of what this node sends: drafts and who handed them in, sealed bytes, heads of own streams, own grants."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from node.database.metadata import Id, metadata

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
    Column("labels", LargeBinary, nullable=True, comment="until the message is sealed; without salt"),
    Column("terms", LargeBinary, nullable=True, comment="until the message is sealed; what it is found by"),
    Column("set_aside_at", BigInteger, nullable=True, comment="when it was found that it cannot be sealed"),
    Column("set_aside_code", String(64), nullable=True),
    Column("set_aside_reason", Text, nullable=True),
    Column("answered", Text, nullable=True, comment="codes of the recipients that intake answered"),
    Column("missed", Text, nullable=True, comment="codes of `answered` that it was not sealed for"),
    Column("copy", Integer, nullable=False, server_default="0", comment="0, or the number of a later copy"),
    Column("only_for", Text, nullable=True, comment="codes of the recipients of a copy"),
    Column("expires_at", BigInteger, nullable=True, comment="midnight after retain_until; null: see payload"),
    UniqueConstraint("report_id", "region", "copy"),
)
Index(
    "draft_accepted", draft.c.id, sqlite_where=draft.c.sequence.is_(None), postgresql_where=draft.c.sequence.is_(None)
)
_SET_ASIDE = draft.c.set_aside_at.is_not(None)
Index("draft_set_aside", draft.c.id, sqlite_where=_SET_ASIDE, postgresql_where=_SET_ASIDE)
_MISSED = draft.c.missed.is_not(None)
Index("draft_missed", draft.c.id, sqlite_where=_MISSED, postgresql_where=_MISSED)

outgoing = Table(
    "outgoing",
    metadata,
    Column("stream", String(64), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
)
Index("outgoing_acknowledged", outgoing.c.acknowledged)

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

handed_in = Table(
    "handed_in",
    metadata,
    Column("report_id", String(36), primary_key=True),
    Column("integrator", String(128), primary_key=True, comment="token or login that handed it in, also as duplicate"),
    sqlite_with_rowid=False,
)

kept_answer = Table(
    "kept_answer",
    metadata,
    Column("id", Id, primary_key=True),
    Column("integrator", String(128), nullable=False),
    Column("key", String(128), nullable=False, comment="the idempotency key of the request"),
    Column("body_digest", LargeBinary(32), nullable=False, comment="SHA-256 of the body of the request"),
    Column("outcome", String(16), nullable=False, comment="accepted or duplicate"),
    Column("answer", LargeBinary, nullable=False, comment="JSON, as it was given"),
    Column("kept_at", BigInteger, nullable=False),
    UniqueConstraint("integrator", "key"),
)
Index("kept_answer_kept_at", kept_answer.c.kept_at, kept_answer.c.id)
