"""Commands that read the store: search, show, receipts, withheld list, quarantine list, show and retry."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from node.cli.help_text import Reader, add_command, add_group, group
from node.cli.options import HomeOption, JsonOption, open_named_home
from node.cli.output import Output
from node.cli.user import login
from node.errors import UsageError

if TYPE_CHECKING:
    from node.runtime.home import Home
    from node.store.engine import Store

withheld_app = group("Messages that this node opened and may not keep.")
quarantine_app = group("Records that failed a step of the verification.")

LIMIT_MAX = 1000
AnswerT = TypeVar("AnswerT")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_command(app, search, "search", Reader.INTEGRATOR)
    add_command(app, show, "show", Reader.INTEGRATOR)
    add_command(app, receipts, "receipts", Reader.INTEGRATOR)
    add_group(app, withheld_app, "withheld", Reader.AUDITOR)
    add_command(withheld_app, list_withheld, "list")
    add_group(app, quarantine_app, "quarantine", Reader.OPERATOR)
    add_command(quarantine_app, list_quarantine, "list")
    add_command(quarantine_app, show_quarantine, "show")
    add_command(quarantine_app, retry_quarantine, "retry")


def _on_store(home: "Home", command: Callable[["Store"], Awaitable[AnswerT]]) -> AnswerT:
    """Run a command on the store of a home."""

    async def serve() -> AnswerT:
        from node.runtime.open_node import open_store

        async with open_store(home) as store:
            return await command(store)

    return asyncio.run(serve())


def search(
    text: Annotated[str | None, typer.Option(help="Words, ignoring case and accents.")] = None,
    identifier: Annotated[
        str | None, typer.Option(metavar="SCHEME=VALUE", help="An identifier; its value is normalised first.")
    ] = None,
    originator: Annotated[str | None, typer.Option(help="Code of the originator.")] = None,
    subject: Annotated[str | None, typer.Option(help="Code of a subject.")] = None,
    since: Annotated[str | None, typer.Option(help="Created at or after this time, RFC 3339.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every report that this node holds.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="How many at most.")] = 100,
    after: Annotated[str | None, typer.Option(help="The cursor of the last report of the answer before.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Find reports that this node holds; all filters must match.

    Each report that is shown leaves an entry in the access log.

    Example:

        enlace search --identifier IMO=9074729 --since 2026-01-01 --home gt

    Exit codes: 0 done, also if nothing was found; 2 usage, no filter, or configuration; 4 the store is unavailable,
    try again.
    """
    from node.commands.search import query_of
    from node.commands.search import search as search_store

    if not every and not any((text, identifier, originator, subject, since)):
        raise UsageError("usage", "no filter was given", hint="give a filter, or --all for every report")
    query = query_of(
        text=text, identifier=identifier, originator=originator, subject=subject, since=since, limit=limit, after=after
    )
    output = Output(json=json)
    found = _on_store(open_named_home(home), lambda store: search_store(store, query, actor=login()))
    for report in found:
        output.item(report)
    if not found:
        output.nothing()
    return 0


def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A report id or a message id.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Show a report and the decision of this node about it.

    A message that is withheld, waits or is held has a decision and no content. A report that is shown leaves an entry
    in the access log.

    Example:

        enlace show 8b8be73a-f678-5a5b-86a4-799c3959547f --home gt

    Exit codes: 0 done; 1 there is no such report; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.commands.show import show as show_stored

    output = Output(json=json)
    for report in _on_store(open_named_home(home), lambda store: show_stored(store, id_, actor=login())):
        output.item(report)
    return 0


def receipts(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A report id or a message id of this node.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Show what became of an own report at each recipient, and since when.

    The outcomes are those that the recipients signed in their receipts; `outstanding` means that there is no receipt
    yet.

    Example:

        enlace receipts 8b8be73a-f678-5a5b-86a4-799c3959547f --home bz

    Exit codes: 0 done; 1 there is no such report, or another node is its originator; 2 usage or configuration; 4 the
    store is unavailable, try again.
    """
    from node.commands.receipts import receipts_of

    opened = open_named_home(home)
    items = _on_store(opened, lambda store: receipts_of(opened, store, id_))
    Output(json=json).items(items, none="no node is admitted to it")
    return 0


def list_withheld(home: HomeOption = None, json: JsonOption = False) -> int:
    """List the messages that this node opened and may not keep, with the clause and the reason.

    Example:

        enlace withheld list --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.commands.withheld import list_withheld as list_stored

    Output(json=json).items(_on_store(open_named_home(home), list_stored))
    return 0


def list_quarantine(home: HomeOption = None, json: JsonOption = False) -> int:
    """List the records in quarantine, with the code and the step that they failed.

    Example:

        enlace quarantine list --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.commands.quarantine import list_quarantine as list_stored

    Output(json=json).items(_on_store(open_named_home(home), list_stored))
    return 0


def show_quarantine(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `quarantine list` shows it.")],
    raw: Annotated[Path | None, typer.Option(help="Write the record's bytes to this new file.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Show one record in quarantine: why it failed, and what to do about it.

    Example:

        enlace quarantine show 6b1f0f5e-3b0b-5d0a-9f3e-0f4f6a1c2d3e --raw record.bin --home gt

    Exit codes: 0 done; 1 there is no such record; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.commands.quarantine import show_quarantined
    from node.files import write_file

    if raw is not None and not raw.parent.is_dir():
        raise UsageError("file_unwritable", f"{raw.parent} is not a folder", path="--raw")
    shown, value = _on_store(open_named_home(home), lambda store: show_quarantined(store, id_))
    if raw is not None:
        write_file(raw, value, mode=0o600)
    Output(json=json).object(shown)
    return 0


def retry_quarantine(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="As `quarantine list` shows them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every record in quarantine.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Verify records in quarantine again; a record that passes now is stored in its place.

    Use it after an upgrade, or after a document was installed that lists a key.

    Example:

        enlace quarantine retry --all --home gt

    Exit codes: 0 every record passed; 1 at least one stays in quarantine, or there is no such record; 2 usage or
    configuration; 4 the store is unavailable, try again.
    """
    from node.commands.quarantine import retry_quarantine as retry_stored
    from node.stages import Outcome

    if every == bool(ids):
        raise UsageError("usage", "name records, or all of them", path="ID", hint="give ids, or --all for every record")
    opened = open_named_home(home)
    done = _on_store(opened, lambda store: retry_stored(opened, store, None if every else ids))
    Output(json=json).items(done)
    return int(any(record.outcome == Outcome.REJECTED for record in done))
