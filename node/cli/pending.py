"""Commands about what is not settled: pending list and drop, reread; outbox list, withdraw and resend."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from node.errors import UsageError
from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.on_store import on_store
from node.terminal.options import HomeOption, JsonOption, open_named_home
from node.terminal.output import Output
from node.terminal.user import login

if TYPE_CHECKING:
    from node.commands.outbox import ResentReport, WithdrawnReport

pending_app = group("Records that wait for a grant or a key, or are held until a time.")
outbox_app = group("Own reports that are not sealed, not sent, or sealed for fewer than was answered.")

OriginatorOption = Annotated[str | None, typer.Option(help="Only records of this originator.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, pending_app, "pending", Reader.OPERATOR)
    add_command(pending_app, list_pending, "list")
    add_command(pending_app, drop_pending, "drop")
    add_command(app, reread, "reread", Reader.OPERATOR)
    add_group(app, outbox_app, "outbox", Reader.OPERATOR)
    add_command(outbox_app, list_outbox, "list")
    add_command(outbox_app, withdraw, "withdraw")
    add_command(outbox_app, resend, "resend")


def list_pending(originator: OriginatorOption = None, home: HomeOption = None, json: JsonOption = False) -> int:
    """List the records that wait for a grant or a key, or are held until a time.

    Example:

        enlace pending list --originator BZ --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.answers.known_values import refuse_unknown
    from node.commands.pending import list_pending as list_stored

    wanted, opened = None if originator is None else originator.upper(), open_named_home(home)
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

    if not (ids or originator is not None or every):
        hint = "give ids, --originator, or --all for every record"
        raise UsageError("usage", "name the records to drop", path="ID", hint=hint)
    wanted, opened = None if originator is None else originator.upper(), open_named_home(home)
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


def list_outbox(home: HomeOption = None, json: JsonOption = False) -> int:
    """List the own reports that are not settled, in the order of acceptance.

    `accepted` waits to be sealed, `set_aside` cannot be sealed, `sealed` waits for the log, `sent` waits to be read
    back. `missed` was sealed, and not for all parties that the answer of `publish` named.

    Example:

        enlace outbox list --home bz

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.commands.outbox import list_outbox as list_stored

    Output(json=json).items(on_store(open_named_home(home), list_stored))
    return 0


def withdraw(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Report ids or message ids.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Take reports out of the outbox that are not sealed. They are erased, and may be handed in again.

    What is sealed cannot be withdrawn: publish a report that corrects it. A daemon may run meanwhile.

    Example:

        enlace outbox withdraw 8b8be73a-f678-5a5b-86a4-799c3959547f --home bz

    Exit codes: 0 done; 1 a report is not there or is sealed, and nothing was withdrawn; 2 usage or configuration; 4 the
    store is unavailable, try again.
    """
    from node.commands.outbox import withdraw as withdraw_stored
    from node.runtime.open_intake import open_intake

    opened = open_named_home(home)

    async def serve() -> "list[WithdrawnReport]":
        async with open_intake(opened, existing=True) as intake:
            return await withdraw_stored(intake, ids, actor=login())

    Output(json=json).items(asyncio.run(serve()))
    return 0


def resend(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Report ids or message ids.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every own report.")] = False,
    to: Annotated[list[str] | None, typer.Option("--to", help="Only for this party; may be repeated.")] = None,
    lost: Annotated[
        bool, typer.Option("--lost", help="Also what was sealed for the parties of --to, if no receipt settles it.")
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Send own reports again: those that were set aside, and those that a party became entitled to later.

    A report for further parties is sealed again for these alone, under a new message id. What was sealed for fewer
    parties than answered is settled then, also if no party is entitled. The daemon seals and sends. With --lost, the
    parties of --to also get reports that the log lost; a party that has one would store it twice.

    Examples:

        enlace outbox resend --all --to GT --home bz
        enlace outbox resend 8b8be73a-f678-5a5b-86a4-799c3959547f --to GT --lost --home bz

    Exit codes: 0 done; 1 there is no such report; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.commands.outbox import resend as resend_stored
    from node.runtime.open_intake import open_intake

    if ids and every:
        raise UsageError("usage", "ids and --all exclude each other", path="--all", hint="leave out the ids, or --all")
    if not (ids or every):
        hint = "give ids, or --all for every own report"
        raise UsageError("usage", "name the reports to send again", path="ID", hint=hint)
    opened = open_named_home(home)
    parties = [code.upper() for code in to] if to else None

    async def serve() -> "list[ResentReport]":
        async with open_intake(opened, existing=True) as intake:
            return await resend_stored(intake, ids or None, to=parties, lost=lost)

    Output(json=json).items(asyncio.run(serve()))
    return 0
