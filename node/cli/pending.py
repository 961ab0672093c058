"""Commands about records that are not decided: pending list, pending drop and reread."""

from typing import Annotated

import typer

from node.cli.help_text import Reader, add_command, add_group, group
from node.cli.on_store import on_store
from node.cli.options import HomeOption, JsonOption, open_named_home
from node.cli.output import Output
from node.errors import UsageError

pending_app = group("Records that wait for a grant or a key, or are held until a time.")

OriginatorOption = Annotated[str | None, typer.Option(help="Only records of this originator.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, pending_app, "pending", Reader.OPERATOR)
    add_command(pending_app, list_pending, "list")
    add_command(pending_app, drop_pending, "drop")
    add_command(app, reread, "reread", Reader.OPERATOR)


def list_pending(originator: OriginatorOption = None, home: HomeOption = None, json: JsonOption = False) -> int:
    """List the records that wait for a grant or a key, or are held until a time.

    Example:

        enlace pending list --originator BZ --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.answers.known_values import refuse_unknown
    from node.commands.pending import list_pending as list_stored

    wanted, opened = originator.upper() if originator else None, open_named_home(home)
    found = on_store(opened, lambda store: list_stored(store, originator=wanted))
    if not found:
        refuse_unknown(opened, originator=wanted)
    Output(json=json).items(found)
    return 0


def drop_pending(
    ids: Annotated[list[int] | None, typer.Argument(metavar="ID…", help="As `pending list` shows them.")] = None,
    originator: OriginatorOption = None,
    every: Annotated[bool, typer.Option("--all", help="Every record that waits or is held.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Forget records that wait or are held, so that the streams of their originator go on.

    Their positions are remembered: the daemon reads them again when documents change or it starts, as long as the log
    has them. `enlace reread` does so at once.

    Example:

        enlace pending drop --originator BZ --home gt

    Exit codes: 0 done; 1 there is no such record; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.answers.known_values import refuse_unknown
    from node.commands.pending import drop_pending as drop_stored

    if not (ids or originator or every):
        hint = "give ids, --originator, or --all for every record"
        raise UsageError("usage", "name the records to drop", path="ID", hint=hint)
    wanted, opened = originator.upper() if originator else None, open_named_home(home)
    dropped = on_store(opened, lambda store: drop_stored(store, ids or None, originator=wanted))
    if not dropped:
        refuse_unknown(opened, originator=wanted)
    Output(json=json).items(dropped)
    return 0


def reread(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="As `status` lists it.")],
    first: Annotated[int | None, typer.Option("--from", min=0, help="The first position; default: the first.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Read a topic again, up to where the node has read it, and decide about what is not stored.

    What is stored already stays as it is. A daemon may run meanwhile.

    Example:

        enlace reread intel.caribbean.bz --from 100 --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the store or the bus is unavailable, try again.
    """
    from node.commands.reread import reread as reread_topic

    opened = open_named_home(home)
    Output(json=json).object(on_store(opened, lambda store: reread_topic(opened, store, topic, first=first)))
    return 0
