"""Command of the auditor: audit replay."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.arguments import hash_of
from node.cli.help_text import Reader, add_command, add_group, group
from node.cli.options import DocumentsOption, HomeOption, JsonOption, named_home, open_named_home
from node.cli.output import Output

if TYPE_CHECKING:
    from node.runtime.home import Home

audit_app = group("Verify what nodes claim.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, audit_app, "audit", Reader.AUDITOR)
    add_command(audit_app, replay, "replay")


def replay(
    bus: Annotated[
        str | None, typer.Option(help="sqlite:///FILE or kafka://HOST:PORT,…; the home's without it.")
    ] = None,
    documents: DocumentsOption = None,
    community: Annotated[
        str | None, typer.Option(help="Base64 hash of the first ROOT; the only one in the folder without it.")
    ] = None,
    stream: Annotated[str | None, typer.Option(help="Only this stream, or this topic.")] = None,
    start: Annotated[int, typer.Option("--from", min=0, help="First position of each stream.")] = 0,
    until: Annotated[int | None, typer.Option(min=0, help="Position of each stream before which reading ends.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Verify every record of a log and the chains that they form.

    Needs the log and the documents, no home and no private key. The same log and documents always give the same answer.

    Example:

        enlace audit replay --bus sqlite:///log.db --documents documents

    Exit codes: 0 no finding; 1 at least one finding; 2 usage or configuration; 4 the log is unavailable, try again.
    """
    from node.cli.progress import bar
    from node.commands.audit_replay import audit_replay, selection_of, sources

    def opened() -> "Home | None":
        return open_named_home(home) if named_home(home) is not None else None

    selection = selection_of(stream=stream, start=start, until=until)
    found = sources(bus=bus, documents=documents, community=hash_of(community), home=opened)
    answer = asyncio.run(audit_replay(found, selection, progress=partial(bar, "replaying", "records")))
    Output(json=json).object(answer)
    return 1 if answer.findings else 0
