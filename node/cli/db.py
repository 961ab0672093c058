"""Commands about the database of a node as a whole: db check, copy and upgrade."""

import asyncio
from typing import Annotated

import typer

from node.cli.help_text import Reader, add_command, add_group, group
from node.cli.on_store import on_store
from node.cli.options import HomeOption, JsonOption, home_of, named_home, open_named_home
from node.cli.output import Output

db_app = group("The database of a node as a whole.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, db_app, "db", Reader.OPERATOR)
    add_command(db_app, check, "check")
    add_command(db_app, copy, "copy")
    add_command(db_app, upgrade, "upgrade")


def check(home: HomeOption = None, json: JsonOption = False) -> int:
    """Check the store: its file, its tables, the chains of all streams, every message and its indexes, the outbox.

    It changes nothing, and the daemon may run meanwhile. A finding names its code, table and key, and what was expected
    and found; it shows nothing of a report. `enlace explain CODE` says what a code means.

    Example:

        enlace db check --home gt

    Exit codes: 0 nothing is wrong; 1 there are findings; 2 usage or configuration, or the file is not a database; 4
    the store is unavailable, try again.
    """
    from node.upkeep.check import check as check_opened

    opened = open_named_home(home)
    answer = on_store(opened, lambda store: check_opened(opened, store))
    Output(json=json).object(answer)
    return int(bool(answer.findings))


def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="URL of the store, as in store.url.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="URL of an empty database.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Copy a store to another database, SQLite or PostgreSQL, while the node is stopped.

    A relative file is relative to the home. Nothing of FROM changes. The copy is compared row by row before it counts;
    if the command is ended before, TO stays empty. Then write TO into store.url, and start the daemon.

    Example:

        enlace db copy sqlite:///store.db postgresql+psycopg://enlace@/enlace --home gt

    Exit codes: 0 done; 1 the copy differed and was dropped, or a chain of the store has a finding; 2 usage, there is no
    store of this version at FROM, or TO is not empty; 4 the node runs, or a database is in use, try again.
    """
    from node.runtime.home import open_home
    from node.upkeep.copy import copy as copy_stores

    named = named_home(home)
    answer = copy_stores(source, target, open_home(home_of(named)) if named is not None else None)
    Output(json=json).object(answer)
    return int(bool(answer.findings))


def upgrade(home: HomeOption = None, json: JsonOption = False) -> int:
    """Bring the tables of the store up to date, as every command does that opens it.

    Example:

        enlace db upgrade --home gt

    Exit codes: 0 done; 2 usage or configuration, or a later version has changed the store; 4 the store is unavailable,
    try again.
    """
    from node.upkeep.upgrade import upgrade as upgrade_store

    Output(json=json).object(asyncio.run(upgrade_store(open_named_home(home))))
    return 0
