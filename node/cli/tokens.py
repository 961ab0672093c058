"""Commands of tokens: token create, list and revoke."""

import asyncio
from typing import Annotated

import typer

from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.on_store import on_store
from node.terminal.options import HomeOption, JsonOption, open_named_home
from node.terminal.output import Output
from node.terminal.user import login

token_app = group("Tokens by which integrators use the gateway.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, token_app, "token", Reader.OPERATOR)
    add_command(token_app, create, "create")
    add_command(token_app, list_, "list")
    add_command(token_app, revoke, "revoke")


def create(
    name: Annotated[str, typer.Option("--name", help="The system that uses the token, such as border-control.")],
    scope: Annotated[
        list[str], typer.Option("--scope", help="publish, read, check, audit, admin; several with commas.")
    ],
    days: Annotated[int, typer.Option("--days", help="How many days it is valid.")] = 365,
    rate: Annotated[int, typer.Option("--rate", help="Requests a second that it may make.")] = 1000,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Make a token for an integrator. Its text is shown once, here, and is not kept.

    Give it to the integrator in a file that only its system can read. Tokens with the same name are of the same
    integrator, so the next token can be made before the old one is revoked.

    Example:

        enlace token create --name border-control --scope check,read --days 90 --home gt

    Exit codes: 0 done; 1 there are too many tokens; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.clock import now_ms
    from node.integrators.tokens import CreatedToken, NewToken, create_token
    from node.runtime.open_store import open_store
    from node.system_random import random_bytes

    opened = open_named_home(home)

    wanted = NewToken(name=name, scopes=[part for text in scope for part in text.split(",")], days=days, rate=rate)

    async def make() -> CreatedToken:
        async with open_store(opened) as store:
            return await create_token(store, wanted, actor=login(), now=now_ms(), random=random_bytes)

    Output(json=json).object(asyncio.run(make()))
    return 0


def list_(home: HomeOption = None, json: JsonOption = False) -> int:
    """List the tokens, the oldest first; those that ended are among them, because the access log names them.

    Example:

        enlace token list --home gt

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.clock import now_ms
    from node.integrators.tokens import list_tokens

    Output(json=json).items(on_store(open_named_home(home), lambda store: list_tokens(store, now=now_ms())))
    return 0


def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="As `token list` shows it; not the text of the token.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Revoke a token. A gateway that runs refuses it from the next request on.

    Example:

        enlace token revoke 0123456789ab --home gt

    Exit codes: 0 done, also if it was revoked before; 1 there is no such token; 2 usage or configuration; 4 the store
    is unavailable, try again.
    """
    from node.clock import now_ms
    from node.integrators.tokens import revoke_token

    opened = open_named_home(home)
    revoked = on_store(opened, lambda store: revoke_token(store, token, actor=login(), now=now_ms()))
    Output(json=json).object(revoked)
    return 0
