"""Gives every text column of a PostgreSQL store the type of SQLite's: no limit of length, and order by code point.

So what one database stores fits into the other, and both return rows in the same order. Part of each migration.
"""

from typing import Final

from sqlalchemy import Connection, text

from node.database.dialects import POSTGRESQL

_OTHERS: Final = text(
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
    " AND data_type IN ('character varying', 'text') AND is_generated = 'NEVER'"
    " AND (character_maximum_length IS NOT NULL OR collation_name IS DISTINCT FROM 'C')"
)


def settle(connection: Connection) -> None:
    """Change the columns that are not of this type yet."""
    if connection.dialect.name != POSTGRESQL:
        return
    for table, column in connection.execute(_OTHERS).all():
        connection.exec_driver_sql(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE text COLLATE "C"')
