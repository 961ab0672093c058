"""Chooses the database of a node's store, and reads any store directly, beside the node."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import NullPool, create_engine, inspect, text

from node.runtime.home import open_home
from tests.support import postgres

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
DATABASES: Final = (SQLITE, POSTGRESQL)


def set_store(home: Path, url: str) -> None:
    """Write the URL of the store into the configuration of a home that has the default store."""
    with (home / "node.toml").open("a") as file:
        file.write(f'\n[store]\nurl = "{url}"\n')


def use(database: str, homes: Iterable[Path]) -> None:
    """Give each new home an empty store of this kind: a file of its own, or a database of the shared server."""
    if database == POSTGRESQL:
        for home in homes:
            set_store(home, postgres.database())


def separate(home: Path) -> None:
    """Give a home that was copied a copy of its database; a store in a file was copied with the home."""
    url = open_home(home).store_url
    if url.startswith(POSTGRESQL):
        file = home / "node.toml"
        file.write_text(file.read_text().replace(url, postgres.copy(url)))


def remove(home: Path) -> None:
    """Remove the database of a home; a store in a file goes with the home."""
    url = open_home(home).store_url
    if url.startswith(POSTGRESQL):
        postgres.drop(url)


def rows(home: Path, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement, read from the store that a home names, without the node."""
    engine = create_engine(open_home(home).store_url, poolclass=NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def contents(home: Path) -> dict[str, list[str]]:
    """Every row of every table of the store that a home names, sorted."""
    engine = create_engine(open_home(home).store_url, poolclass=NullPool)
    names = inspect(engine).get_table_names()
    return {name: sorted(str(row) for row in rows(home, f'SELECT * FROM "{name}"')) for name in names}
