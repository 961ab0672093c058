"""The table of the access log."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

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
)
