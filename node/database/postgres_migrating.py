"""What surrounds the migrations of a PostgreSQL store: conditions before them, the types of text columns after them.

- A migration may take long, so the session has no limit for it.
- Every text column gets the type of SQLite's: no limit of length, and order by code point. So what one database stores
  fits into the other, and both return rows in the same order.
"""

from typing import Final

from sqlalchemy import Connection, text

from node.database.dialects import POSTGRESQL
from node.errors import UsageError

ENCODING: Final = "UTF8"
_LIMITS: Final = ("statement_timeout", "idle_in_transaction_session_timeout")
_OTHERS: Final = text(
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
    " AND data_type IN ('character varying', 'text') AND is_generated = 'NEVER'"
    " AND (character_maximum_length IS NOT NULL OR collation_name IS DISTINCT FROM 'C')"
)


def prepare(connection: Connection) -> None:
    """Lift the limits of time for this transaction. Raises UsageError if the database cannot hold every text."""
    if connection.dialect.name != POSTGRESQL:
        return
    for name in _LIMITS:
        connection.exec_driver_sql(f"SET LOCAL {name} = 0")
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if encoding != ENCODING:
        raise UsageError(
            "store_encoding",
            f"the encoding of the database is {encoding}",
            path="store.url",
            hint=f"create a database with ENCODING '{ENCODING}' TEMPLATE template0",
        )


def settle(connection: Connection) -> None:
    """Change the text columns that do not have their type yet."""
    if connection.dialect.name != POSTGRESQL:
        return
    for table, column in connection.execute(_OTHERS).all():
        connection.exec_driver_sql(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE text COLLATE "C"')
