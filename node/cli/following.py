"""The command of integrators that waits for reports: follow."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

import typer

from node.remote.gateway_address import GatewayAddress
from node.terminal.closed_output import end_when_output_closes
from node.terminal.help_text import Reader, add_command
from node.terminal.interrupts import ending_at_once
from node.terminal.options import (
    CaFileOption,
    GatewayOption,
    HomeOption,
    JsonOption,
    PurposeOption,
    ReasonOption,
    TokenFileOption,
    given,
    named_gateway,
    open_named_home,
)
from node.terminal.output import Output
from node.terminal.user import login


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, follow, "follow", Reader.INTEGRATOR)


def follow(
    originator: Annotated[list[str] | None, typer.Option(help="Code of the originator.")] = None,
    subject: Annotated[list[str] | None, typer.Option(help="Code of a subject.")] = None,
    content: Annotated[bool, typer.Option("--content", help="With the narrative of each report.")] = False,
    after: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Go on after this cursor; 0 for all. Default: from now on.")
    ] = None,
    purpose: PurposeOption = None,
    reason: ReasonOption = None,
    gateway: GatewayOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Show each report when it arrives, until Ctrl-C. Both filters must match, and of a repeated one any.

    Each report has a cursor; the one after which you want to go on is the value of --after. A gateway that goes away is
    asked again until it is back, and no report is shown twice. The access log keeps each report that is shown, with its
    purpose and its reason, both of which must be given.

    Example:

        enlace follow --subject DRUG_TRAFFICKING --purpose OPERATIONAL_ANALYSIS --reason "Watch desk" --home gt

    Exit codes: 0 the reader of the output has ended; 2 usage or configuration; 4 the store or the gateway is
    unavailable, try again; 130 interrupted from the keyboard.
    """
    output, filters = Output(json=json), (given(subject), given(originator))
    options: dict[str, Any] = {"content": content, "after": after, "purpose": purpose, "reason": reason}
    address = named_gateway(home, gateway, token_file, ca_file)
    end_when_output_closes()
    with ending_at_once():
        if address is None:
            asyncio.run(_by_home(output, home, *filters, **options))
        else:
            for message in _by_gateway(address, *filters, **options):
                output.item(message)
    return 0


async def _by_home(
    output: Output,
    home: Path | None,
    subjects: list[str],
    originators: list[str],
    *,
    purpose: str | None,
    reason: str | None,
    **options: Any,
) -> None:
    """Show what arrives at the node of a home. A slow reader of the output delays nothing but the next report."""
    from node.clock import now_ms
    from node.commands.justification import required_justification
    from node.notifications.follow_store import follow as follow_store
    from node.notifications.follow_store import follow_request
    from node.runtime.open_store import open_store

    why, opened = required_justification(purpose, reason), open_named_home(home)
    request = follow_request(subjects, originators, actor=login(), why=why, **options)
    async with open_store(opened, existing=True) as store, aclosing(follow_store(store, request, now_ms)) as arriving:
        async for message in arriving:
            output.item(message)


def _by_gateway(address: GatewayAddress, subjects: list[str], originators: list[str], **options: Any) -> Iterator[Any]:
    """What arrives, through a gateway."""
    from node.remote.following import follow as follow_gateway

    return follow_gateway(address, subjects=subjects, originators=originators, **options)
