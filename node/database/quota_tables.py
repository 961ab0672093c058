"""The tables of what is limited: the use of each budget, and the positions of records that were deferred."""

from sqlalchemy import BigInteger, Column, String, Table

from node.database.metadata import metadata

usage = Table(
    "usage",
    metadata,
    Column("originator", String(16), primary_key=True),
    Column("budget", String(16), primary_key=True, comment="node/exchange/quotas.py"),
    Column("rows", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False, comment="bytes of the records"),
)

deferred = Table(
    "deferred",
    metadata,
    Column("topic", String(128), primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("last", BigInteger, nullable=False, comment="records between the two may have been decided"),
    Column("records", BigInteger, nullable=False),
    Column("noted_at", BigInteger, nullable=False),
)
