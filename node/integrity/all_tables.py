"""Every table of a store: what works on all tables takes them from here, so that it leaves none out."""

from typing import Final

from sqlalchemy import Table

from node.credentials import token_tables
from node.database import (
    access_tables,
    outgoing_tables,
    quota_tables,
    receipt_tables,
    record_tables,
    stream_tables,
)
from node.database.metadata import metadata
from node.webhooks import webhook_tables

GROUPS: Final = (
    access_tables,
    outgoing_tables,
    quota_tables,
    receipt_tables,
    record_tables,
    stream_tables,
    token_tables,
    webhook_tables,
)
"""The modules that define tables; importing one adds its tables to the metadata."""

TABLES: Final[tuple[Table, ...]] = tuple(metadata.sorted_tables)
"""Parents before their children."""
