"""The table of the tokens of integrators."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from node.database.metadata import metadata

token = Table(
    "token",
    metadata,
    Column("id", String(12), primary_key=True, comment="part of the text of the token; not secret"),
    Column("name", String(64), nullable=False, comment="of the integrator; several tokens may have it"),
    Column("digest", LargeBinary(32), nullable=False, comment="SHA-256 of the secret part; the text is not kept"),
    Column("scopes", String(64), nullable=False, comment="separated by spaces"),
    Column("rate", Integer, nullable=False, comment="requests a second"),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger, nullable=True),
    Column("revoked_by", String(128), nullable=True),
    Column("used_at", BigInteger, nullable=True, comment="last use, to the minute"),
)
