"""Commands about the data of a node as a whole: db check, copy and upgrade; backup, restore and adopt."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from node.errors import UsageError
from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.on_store import on_store
from node.terminal.options import HomeOption, JsonOption, home_of, named_home, open_named_home
from node.terminal.output import Output

db_app = group("The database of a node as a whole.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, db_app, "db", Reader.OPERATOR)
    add_command(db_app, check, "check")
    add_command(db_app, copy, "copy")
    add_command(db_app, upgrade, "upgrade")
    add_command(app, backup, "backup", Reader.OPERATOR)
    add_command(app, restore, "restore", Reader.OPERATOR)
    add_command(app, adopt, "adopt", Reader.OPERATOR)


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

    Other users of the machine can see an address in the list of processes. So give no password in it: name a file with
    the password, as `…?passfile=FILE`.

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


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="New file of the backup.")],
    with_keys: Annotated[bool, typer.Option("--with-keys", help="Include keys that are not encrypted.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Write a consistent copy of a node to one file, whether its daemon runs or not.

    It holds configuration, documents and store: reports in clear, so protect it like the home. Private keys are in it
    if their file is encrypted, or with --with-keys; the key of webhooks only so. Passphrases, keys for TLS and the log
    are not in it.

    Example:

        enlace backup gt.backup --home gt

    Exit codes: 0 done; 2 usage or configuration, or the file exists; 4 the store is unavailable, try again.
    """
    from node.upkeep.backup import backup as back_up

    Output(json=json).object(asyncio.run(back_up(open_named_home(home), file, with_keys=with_keys)))
    return 0


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File of a backup.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Make the home of --home from a backup; the folder is empty or does not exist.

    Then the node reads its own streams from the log, and adopts what it sent after the backup. `pending` says why that
    was not possible; call `adopt` later. Until then the daemon seals nothing. `missing` names the files that the home
    needs and the backup did not have. Never run two copies of a node.

    Example:

        enlace restore gt.backup --home gt

    Exit codes: 0 done; 1 the backup is damaged; 2 usage, or the home is not empty; 4 the database of store.url is
    unavailable, try again.
    """
    from node.upkeep.restore import restore as make

    folder = named_home(home)
    if folder is None:
        raise UsageError("home_missing", "no home was named", path="--home", hint="give --home DIR or set ENLACE_HOME")
    answer, output = asyncio.run(make(folder.absolute(), file)), Output(json=json)
    output.object(answer)
    if answer.pending is not None:
        output.nothing(
            f"The node seals nothing until you do what `pending` says and call `enlace adopt --home {folder}`."
        )
    return 0


def adopt(
    disown: Annotated[bool, typer.Option("--disown", help="Somebody else signed the records.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Read the own streams to their end, and go on after what the log has (`head_behind`, `own_stream_foreign`).

    Make sure before that no second copy of the node runs, and that nobody has stolen its SEAL key: what is signed by a
    key of this node counts as its own. With --disown it does not: the records keep their sequences, and their reports
    are not kept. Reports of this node whose sequences are taken are sealed again. The daemon is stopped.

    Example:

        enlace adopt --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the daemon runs, or the log or the store is unavailable, try again.
    """
    from node.upkeep.adopt import adopt as adopt_streams

    Output(json=json).object(asyncio.run(adopt_streams(open_named_home(home), disown=disown)))
    return 0
