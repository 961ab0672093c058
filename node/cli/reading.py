"""Commands that read the store: search, show, receipts, withheld, quarantine. Consultations are logged (LED Art 25)."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from node.cli.options import HomeOption, JsonOption, home_of
from node.cli.output import Output
from node.errors import Refused, UsageError

withheld_app = typer.Typer(help="Messages that this node opened and may not hold.", no_args_is_help=True)
quarantine_app = typer.Typer(help="Records that failed a step of the verification.", no_args_is_help=True)

LIMIT_MAX = 1000


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(search)
    app.command()(show)
    app.command()(receipts)
    app.add_typer(withheld_app, name="withheld")
    app.add_typer(quarantine_app, name="quarantine")


def search(
    text: Annotated[str | None, typer.Option(help="Words, ignoring case and accents.")] = None,
    identifier: Annotated[str | None, typer.Option(metavar="SCHEME=VALUE", help="Exact after normalising.")] = None,
    originator: Annotated[str | None, typer.Option(help="Code of the originator.")] = None,
    subject: Annotated[str | None, typer.Option(help="Code of a subject.")] = None,
    since: Annotated[str | None, typer.Option(help="Created at or after this time, RFC 3339.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every report that is held.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="How many at most.")] = 100,
    after: Annotated[str | None, typer.Option(help="The cursor of the last report seen.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Find reports that this node holds."""
    from node.commands.search import query_of
    from node.commands.search import search as search_store
    from node.runtime.home import open_home

    if not every and not any((text, identifier, originator, subject, since)):
        raise UsageError("usage", "no filter was given", hint="give a filter, or --all for every report")
    query = query_of(
        text=text, identifier=identifier, originator=originator, subject=subject, since=since, limit=limit, after=after
    )
    output = Output(json=json)
    found = asyncio.run(search_store(open_home(home_of(home)), query))
    for item in found:
        output.item(item)
    if not found:
        output.nothing()
    return 0


def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A report id or a message id.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Show a report and the decision about it."""
    from node.commands.search import show as show_stored
    from node.runtime.home import open_home

    found = asyncio.run(show_stored(open_home(home_of(home)), id_))
    if not found:
        raise Refused("not_found", "no report or message of this id is here", path="ID")
    output = Output(json=json)
    for item in found:
        output.item(item)
    return 0


def receipts(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A report id or a message id of this node.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Show what became of an own report at each recipient, and since when."""
    from node.commands.receipts import receipts_of
    from node.runtime.home import open_home

    Output(json=json).items(asyncio.run(receipts_of(open_home(home_of(home)), id_)), none="nobody was admitted to it")
    return 0


@withheld_app.command("list")
def list_withheld(home: HomeOption = None, json: JsonOption = False) -> int:
    """List what was withheld, with the clause and the reason."""
    from node.commands.search import withheld
    from node.runtime.home import open_home

    Output(json=json).items(asyncio.run(withheld(open_home(home_of(home)))))
    return 0


@quarantine_app.command("list")
def list_quarantine(home: HomeOption = None, json: JsonOption = False) -> int:
    """List the records in quarantine."""
    from node.commands.search import quarantine
    from node.runtime.home import open_home

    Output(json=json).items(asyncio.run(quarantine(open_home(home_of(home)))))
    return 0


@quarantine_app.command("show")
def show_quarantine(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `quarantine list` shows it.")],
    raw: Annotated[Path | None, typer.Option(help="Write the record's bytes to this new file.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Show one record in quarantine."""
    from node.commands.search import quarantine
    from node.files import write_file
    from node.runtime.home import open_home

    if raw is not None and not raw.parent.is_dir():
        raise UsageError("file_unwritable", f"{raw.parent} is no folder", path="--raw")
    found = asyncio.run(quarantine(open_home(home_of(home)), id_))
    if not found:
        raise Refused("not_found", "no record of this id is in quarantine", path="ID")
    row = found[0]
    value = row.pop("value")
    if raw is not None:
        write_file(raw, value, mode=0o600)
    Output(json=json).object(row)
    return 0


@quarantine_app.command("retry")
def retry_quarantine(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="As `quarantine list` shows them.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every record in quarantine.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Look again at records in quarantine: what verifies now is stored in its place."""
    from node.commands.search import retry_quarantine as retry_stored
    from node.runtime.home import open_home
    from node.stages import Outcome

    if every == bool(ids):
        raise UsageError("usage", "name records, or all of them", path="ID", hint="give ids, or --all for every record")
    done = asyncio.run(retry_stored(open_home(home_of(home)), None if every else ids))
    Output(json=json).items(done)
    return int(any(item["outcome"] == Outcome.REJECTED for item in done))
