"""Commands that read the store: show, receipts and withheld list."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

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


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_command(app, show, "show", Reader.INTEGRATOR)
    add_command(app, receipts, "receipts", Reader.INTEGRATOR)
    add_group(app, withheld_app, "withheld", Reader.AUDITOR)
    add_command(withheld_app, list_withheld, "list")


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
