"""Commands that read the store: search, show, receipts and withheld list."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from node.errors import UsageError
from node.remote.gateway_address import GatewayAddress
from node.terminal.help_text import Reader, add_command, add_group, group
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
    named_gateway,
    open_named_home,
)
from node.terminal.output import Output
from node.terminal.user import login

withheld_app = group("Messages that this node opened and may not keep.")

LIMIT_MAX = 1000
TextOption = Annotated[list[str] | None, typer.Option(help="Words, in any case, with or without accents.")]
IdentifierOption = Annotated[
    list[str] | None,
    typer.Option(metavar="[CC:]SCHEME=VALUE", help="An identifier, perhaps with its country."),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_command(app, search, "search", Reader.INTEGRATOR)
    add_command(app, show, "show", Reader.INTEGRATOR)
    add_command(app, receipts, "receipts", Reader.INTEGRATOR)
    add_group(app, withheld_app, "withheld", Reader.AUDITOR)
    add_command(withheld_app, list_withheld, "list")


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
    filters = [_given(values) for values in (text, identifier, originator, subject)]
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
    from node.commands import search as searching
    from node.commands.justification import justification_of

    query = searching.query_of(*filters, **page)
    ask = partial(searching.search, query=query, actor=login(), why=justification_of(*why))
    return on_store(open_named_home(home), partial(ask, include_expired=include_expired))


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


def _given(values: list[str] | None) -> list[str]:
    """The values of an option that are not empty."""
    return [value for value in values or () if value]


def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A report id or a message id.")],
    purpose: PurposeOption = None,
    reason: ReasonOption = None,
    include_expired: ExpiredOption = False,
    gateway: GatewayOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Show a report and the decision of this node about it.

    A message that is withheld, has expired, waits or is held has a decision and no content. The access log keeps the
    question and each report that is shown.

    Example:

        enlace show 8b8be73a-f678-5a5b-86a4-799c3959547f --home gt

    Exit codes: 0 done; 1 there is no such report; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    if (address := named_gateway(home, gateway, token_file, ca_file)) is not None:
        from node.remote import reading

        reading.refuse_expired(include_expired)
        return Output(json=json).each(reading.show(address, id_, purpose=purpose, reason=reason))

    from node.commands.justification import justification_of
    from node.commands.show import show as show_stored

    why = justification_of(purpose, reason)
    found = on_store(
        open_named_home(home),
        lambda store: show_stored(store, id_, actor=login(), why=why, include_expired=include_expired),
    )
    return Output(json=json).each(found)


def receipts(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A report id or a message id of this node.")],
    gateway: GatewayOption = None,
    token_file: TokenFileOption = None,
    ca_file: CaFileOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Show the outcome of an own report at each recipient, and since when.

    The outcomes are those that the recipients signed in their receipts; `outstanding` means that there is no receipt
    yet.

    Example:

        enlace receipts 8b8be73a-f678-5a5b-86a4-799c3959547f --home bz

    Exit codes: 0 done; 1 there is no such report, or another node is its originator; 2 usage or configuration; 4 the
    store is unavailable, try again.
    """
    if (address := named_gateway(home, gateway, token_file, ca_file)) is not None:
        from node.remote import reading

        return _receipts(reading.receipts(address, id_), json=json)

    from node.commands.receipts import receipts_of

    opened = open_named_home(home)
    return _receipts(on_store(opened, lambda store: receipts_of(opened, store, id_, actor=login())), json=json)


def _receipts(items: Sequence[object], *, json: bool) -> int:
    Output(json=json).items(items, none="no node is admitted to it")
    return 0


def list_withheld(home: HomeOption = None, json: JsonOption = False) -> int:
    """List the messages that this node opened and may not keep, with the clause and the reason.

    Example:

        enlace withheld list --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.commands.withheld import list_withheld as list_stored

    Output(json=json).items(on_store(open_named_home(home), partial(list_stored, actor=login())))
    return 0
