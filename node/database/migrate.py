"""Brings the tables of a store to the revision of this version, in one transaction.

Alembic takes 0.8 s to import, so it is imported only when the revision differs.
"""

from typing import Final

from sqlalchemy import Connection, inspect, text

from node.database import postgres_migrating
from node.database.locks import Lock, hold
from node.errors import UsageError

REVISION: Final = "0025"


def is_current(connection: Connection) -> bool:
    """Whether the store has this version's tables."""
    return revision(connection) == REVISION


def is_empty(connection: Connection) -> bool:
    """Whether the database has no tables."""
    return not inspect(connection).get_table_names()


def upgrade(connection: Connection) -> None:
    """Apply the missing migrations; another process may have applied them meanwhile."""
    hold(connection, Lock.MIGRATION)
    found = revision(connection)
    if found == REVISION:
        return
    if found is None and inspect(connection).get_table_names():
        raise UsageError(
            "store_foreign",
            "the database has tables, and none says which revision of a store they are",
            path="store.url",
            hint="name the database of this node, or one that is empty",
        )
    postgres_migrating.prepare(connection)
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", "node.database:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, REVISION)
    except CommandError as error:
        raise UsageError(
            "store_too_new",
            f"the store has revision {found}, which is unknown to this version",
            path="store.url",
            hint="run the version of Enlace that made the store, or a later version",
        ) from error
    postgres_migrating.settle(connection)


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None if the database is not a store."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
