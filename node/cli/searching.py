"""The command that searches: search."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from node.errors import UsageError
from node.remote.gateway_address import GatewayAddress
from node.terminal.help_text import Reader, add_command
from node.terminal.on_store import on_store
from node.terminal.options import (
    CaFileOption,
    ExpiredOption,
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

LIMIT_MAX = 1000
TextOption = Annotated[list[str] | None, typer.Option(help="Words, in any case, with or without accents.")]
IdentifierOption = Annotated[
    list[str] | None,
    typer.Option(metavar="[CC:]SCHEME=VALUE", help="An identifier, perhaps with its country."),
]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, search, "search", Reader.INTEGRATOR)


def search(
    text: TextOption = None,
    identifier: IdentifierOption = None,
    originator: Annotated[list[str] | None, typer.Option(help="Code of the originator.")] = None,
    subject: Annotated[list[str] | None, typer.Option(help="Code of a subject.")] = None,
    since: Annotated[str | None, typer.Option(help="Created at or after this time, RFC 3339.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every report that this node holds.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="How many at most.")] = 100,
    after: Annotated[str | None, typer.Option(help="The cursor of the last report of the answer before.")] = None,
    purpose: PurposeOption = None,
    reason: ReasonOption = None,
    include_expired: ExpiredOption = False,
    gateway: GatewayOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Find reports that have not expired; all filters must match, and of a repeated one any.

    The access log keeps the question and what is shown.

    Example:

        enlace search --identifier IMO=9074729 --since 2026-01-01 --home gt

    Exit codes: 0 done, also if nothing was found; 2 usage, no filter, or configuration; 4 the store is unavailable,
    try again.
    """
    filters = [given(values) for values in (text, identifier, originator, subject)]
    if not (every or since or any(filters)):
        raise UsageError("usage", "no filter was given", hint="give a filter, or --all for every report")
    address = named_gateway(home, gateway, token_file, ca_file)
    find = partial(_find_by_home, home) if address is None else partial(_find_by_gateway, address)
    why = (purpose, reason)
    found = find(filters, since=since, limit=limit, after=after, why=why, include_expired=include_expired)
    return Output(json=json).each(found)


def _find_by_home(
    home: Path | None,
    filters: Sequence[list[str]],
    *,
    why: tuple[str | None, str | None],
    include_expired: bool,
    **page: Any,
) -> Sequence[object]:
    """The reports of the node of a home."""
    from node.answers.known_values import refuse_unknown
    from node.commands import search as searching
    from node.commands.justification import justification_of

    query = searching.query_of(*filters, **page)
    ask = partial(searching.search, query=query, actor=login(), why=justification_of(*why))
    opened = open_named_home(home)
    found = on_store(opened, partial(ask, include_expired=include_expired))
    if not found:
        for code in query.originators:
            refuse_unknown(opened, originator=code)
    return found


def _find_by_gateway(
    address: GatewayAddress,
    filters: Sequence[list[str]],
    *,
    why: tuple[str | None, str | None],
    include_expired: bool,
    since: str | None,
    **page: Any,
) -> Sequence[object]:
    """The same through a gateway."""
    from node.remote import reading

    reading.refuse_expired(include_expired)
    asked = reading.filters_of(*filters, since=since)
    return reading.search(address, asked, purpose=why[0], reason=why[1], **page)
