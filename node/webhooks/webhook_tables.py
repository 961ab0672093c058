"""The tables of webhooks: the targets that an administrator named, and the deliveries to each."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from node.database.metadata import Id, metadata

webhook = Table(
    "webhook",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("url", Text, nullable=False),
    Column("subjects", Text, nullable=False, comment="codes with a space between; empty: all"),
    Column("originators", Text, nullable=False, comment="codes with a space between; empty: all"),
    Column("content", Boolean, nullable=False, comment="whether the narrative is sent too"),
    Column("secret", LargeBinary, nullable=False, comment="encrypted (node/notifications/webhook_secrets.py)"),
    Column("purpose", String(64), nullable=True, comment="code of the purposes list"),
    Column("reason", Text, nullable=True, comment="of the administrator, in words"),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("position", BigInteger, nullable=False, comment="id of the last message that was looked at"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Id, primary_key=True),
    Column("webhook", String(36), nullable=False),
    Column("message", BigInteger, nullable=False, comment="id of the message"),
    Column("state", String(16), nullable=False, comment="pending, failed, delivered or dead"),
    Column("attempts", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("next_at", BigInteger, nullable=True, comment="when it is tried next; null: not any more"),
    Column("changed_at", BigInteger, nullable=False),
    Column("status", Integer, nullable=True, comment="HTTP status of the last answer"),
    Column("error", String(64), nullable=True, comment="code of the last error"),
    UniqueConstraint("webhook", "message"),
)
_OPEN = delivery.c.next_at.is_not(None)
Index(
    "delivery_due",
    delivery.c.webhook,
    delivery.c.next_at,
    delivery.c.id,
    sqlite_where=_OPEN,
    postgresql_where=_OPEN,
)
Index("delivery_state", delivery.c.webhook, delivery.c.state, delivery.c.id)
Index("delivery_age", delivery.c.state, delivery.c.changed_at, delivery.c.id)
