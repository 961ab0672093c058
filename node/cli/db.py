"""Commands about the database of a node as a whole: db check."""

import typer

from node.cli.help_text import Reader, add_command, add_group, group
from node.cli.on_store import on_store
from node.cli.options import HomeOption, JsonOption, open_named_home
from node.cli.output import Output

db_app = group("The database of a node as a whole.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, db_app, "db", Reader.OPERATOR)
    add_command(db_app, check, "check")


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
