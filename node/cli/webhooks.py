"""Commands about webhooks: create, list, delete, deliveries, resend."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from node.errors import UsageError
from node.terminal.help_text import Reader, add_command, add_group, group
from node.terminal.on_store import on_store
from node.terminal.options import HomeOption, JsonOption, open_named_home
from node.terminal.output import Output
from node.terminal.user import login
from schemas.excerpts import excerpt

webhooks_app = group("Webhooks: the systems that this node calls when messages arrive.")
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As `webhook list` shows it.")]
SECRET_RANDOM_BYTES = 32


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    add_group(app, webhooks_app, "webhook", Reader.OPERATOR)
    add_command(webhooks_app, create, "create")
    add_command(webhooks_app, list_webhooks, "list")
    add_command(webhooks_app, delete, "delete")
    add_command(webhooks_app, deliveries, "deliveries")
    add_command(webhooks_app, resend, "resend")


def create(
    url: Annotated[str, typer.Argument(metavar="URL", help="https://HOST/PATH of the system to call.")],
    secret_file: Annotated[
        Path | None,
        typer.Option(help="File with the secret that signs each call; without it, a new one is shown once."),
    ] = None,
    subject: Annotated[list[str] | None, typer.Option(help="Only messages with one of these subjects.")] = None,
    originator: Annotated[list[str] | None, typer.Option(help="Only messages of one of these originators.")] = None,
    content: Annotated[bool, typer.Option("--content", help="Send the narrative too.")] = False,
    purpose: Annotated[str | None, typer.Option(help="Code of the purpose, for the access log.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why the system gets the messages, for the access log.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """Call a system with each message that arrives from now on.

    The daemon makes the calls, signed with the secret, and repeats those that fail. A target on this machine or in a
    private network needs `gateway.webhooks_private`.

    Example:

        enlace webhook create https://cases.example.org/enlace --subject CONTRABAND --home bz

    Exit codes: 0 created; 1 there are too many webhooks; 2 usage or configuration, or the target is not allowed; 4 the
    store is unavailable, try again.
    """
    from node.commands.justification import justification_of
    from node.notifications import webhook_admin
    from node.notifications.target_rules import rules_of
    from node.notifications.webhook_admin import NewWebhook

    opened, why = open_named_home(home), justification_of(purpose, reason)
    secret = _secret(secret_file)
    filters = {"subjects": subject or (), "originators": originator or ()}
    asked = NewWebhook(url=url, secret=secret, content=content, **filters)
    create = partial(webhook_admin.create, home=opened.path, asked=asked, rules=rules_of(opened), why=why)
    answer = on_store(opened, lambda store: create(store, actor=login()))
    Output(json=json).object(_with_secret(answer, secret if secret_file is None else None))
    return 0


def _secret(file: Path | None) -> str:
    """The secret of a file; a new one without a file."""
    from node.secret_files import read_secret
    from node.system_random import random_bytes

    if file is None:
        return random_bytes(SECRET_RANDOM_BYTES).hex()
    secret = read_secret(file, group_may_read=True)
    try:
        return secret.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise UsageError("value_invalid", "the secret is not text in UTF-8", path="secret") from None


def _with_secret(answer: Any, secret: str | None) -> dict[str, Any]:
    """The answer, with the secret if it is a new one."""
    from node.answers.plain_json import presentable

    return {**presentable(answer), "secret": secret}


def list_webhooks(home: HomeOption = None, json: JsonOption = False) -> int:
    """List the webhooks, with the number of deliveries in each state. Secrets are not shown.

    Example:

        enlace webhook list --home bz

    Exit codes: 0 done; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.notifications import webhook_admin

    Output(json=json).items(on_store(open_named_home(home), webhook_admin.list_webhooks))
    return 0


def delete(id_: IdArgument, home: HomeOption = None, json: JsonOption = False) -> int:
    """Remove a webhook with its deliveries. Messages stay in the store.

    Example:

        enlace webhook delete 8b8be73a-f678-4a5b-86a4-799c3959547f --home bz

    Exit codes: 0 removed; 1 there is no such webhook; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.notifications import webhook_admin

    wanted = webhook_admin.webhook_id(id_)
    on_store(open_named_home(home), lambda store: webhook_admin.delete(store, wanted))
    Output(json=json).object({"id": wanted, "deleted": True})
    return 0


def deliveries(
    id_: IdArgument,
    state: Annotated[str, typer.Option(help="pending, failed, delivered or dead.")] = "dead",
    after: Annotated[int, typer.Option(min=0, help="Only deliveries with a higher id.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    home: HomeOption = None,
    json: JsonOption = False,
) -> int:
    """List the deliveries of a webhook in one state: attempts, last answer, and when the next attempt comes.

    Example:

        enlace webhook deliveries 8b8be73a-f678-4a5b-86a4-799c3959547f --state failed --home bz

    Exit codes: 0 done; 1 there is no such webhook; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.notifications import webhook_admin
    from node.webhooks.deliveries import DeliveryState

    if state not in {known.value for known in DeliveryState}:
        hint = f"one of {', '.join(DeliveryState)}"
        raise UsageError("usage", f"{excerpt(state)} is not a state", path="--state", hint=hint)
    wanted = webhook_admin.webhook_id(id_)
    found = on_store(
        open_named_home(home),
        lambda store: webhook_admin.list_deliveries(store, wanted, DeliveryState(state), after=after, limit=limit),
    )
    Output(json=json).items(found)
    return 0


def resend(id_: IdArgument, home: HomeOption = None, json: JsonOption = False) -> int:
    """Send the dead and the failed deliveries of a webhook again, now.

    Example:

        enlace webhook resend 8b8be73a-f678-4a5b-86a4-799c3959547f --home bz

    Exit codes: 0 done; 1 there is no such webhook; 2 usage or configuration; 4 the store is unavailable, try again.
    """
    from node.notifications import webhook_admin

    wanted = webhook_admin.webhook_id(id_)
    again = on_store(open_named_home(home), lambda store: webhook_admin.resend(store, wanted))
    Output(json=json).object({"id": wanted, "deliveries": again})
    return 0
