"""Commands of an administrator about webhooks: make, list, remove, list deliveries, send again.

The secret is never shown again. A target that resolves to an address that is not allowed is refused here already, and
checked again at each connection (target_connection.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

from node.answers.arguments import parse_id
from node.clock import now_ms
from node.commands.justification import Justification
from node.database.engine import Store, Transaction
from node.errors import Refused, UsageError
from node.notifications.feed_filter import filter_of
from node.notifications.target_connection import TargetForbiddenError, checked_addresses
from node.notifications.targets import TargetRules, target_of
from node.notifications.webhook_answers import DeliveryAnswer, WebhookAnswer, delivery_answer, webhook_answer
from node.notifications.webhook_secrets import close_secret
from node.store import messages
from node.system_random import random_bytes
from node.webhooks import deliveries, webhooks
from node.webhooks.deliveries import Delivery, DeliveryState
from node.webhooks.webhooks import Webhook

WEBHOOKS_MAX: Final = 100
SECRET_SIZE_BYTES_MAX: Final = 256
LISTED_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWebhook:
    """What an administrator asks for."""

    url: str
    secret: str
    subjects: Sequence[str] = ()
    originators: Sequence[str] = ()
    content: bool = False


async def create(
    store: Store, home: Path, asked: NewWebhook, rules: TargetRules, *, actor: str, why: Justification
) -> WebhookAnswer:
    """Make a webhook. It gets the messages that arrive from now on. Raises UsageError and Refused `webhooks_full`."""
    target = target_of(asked.url, rules)
    _check_secret(asked.secret)
    wanted = filter_of(asked.subjects, asked.originators, ("subjects", "originators"))
    if target.address is None:
        await _check_name(target.host, target.port, target.scheme, rules)
    id_ = str(UUID(bytes=random_bytes(16), version=4))
    made = partial(
        Webhook,
        id=id_,
        url=target.url,
        subjects=wanted.subjects,
        originators=wanted.originators,
        content=asked.content,
        secret=close_secret(home, id_, asked.secret),
        purpose=why.purpose,
        reason=why.reason,
        created_at=now_ms(),
        created_by=actor,
    )

    def work(db: Transaction) -> Webhook:
        webhooks.hold_all(db)
        if webhooks.count(db) >= WEBHOOKS_MAX:
            message = f"there are {WEBHOOKS_MAX} webhooks already"
            raise Refused("webhooks_full", message, path="url", hint="remove a webhook that is not used")
        added = made(position=messages.last_id(db))
        webhooks.add(db, added)
        return added

    return webhook_answer(await store.write(work), {})


def _check_secret(secret: str) -> None:
    size = len(secret.encode("utf-8", "surrogatepass"))
    if not 0 < size <= SECRET_SIZE_BYTES_MAX:
        message = f"the secret has {size} bytes; 1 to {SECRET_SIZE_BYTES_MAX} are allowed"
        raise UsageError("value_invalid", message, path="secret", hint="32 random characters are a good secret")
    if not secret.isprintable():
        raise UsageError("value_invalid", "the secret contains characters that cannot be printed", path="secret")


async def _check_name(host: str, port: int, scheme: str, rules: TargetRules) -> None:
    """Refuse a name with a forbidden address. One that does not resolve now may resolve later."""
    try:
        await checked_addresses(host, port, scheme, rules)
    except TargetForbiddenError as error:
        hint = "name a target with a public address; the configuration can allow private ones"
        raise UsageError("webhook_target_forbidden", str(error), path="url", hint=hint) from None
    except (OSError, TimeoutError, UnicodeError):
        return


async def list_webhooks(store: Store, *, after: str = "", limit: int = LISTED_MAX) -> list[WebhookAnswer]:
    """The next webhooks after an id, with the number of deliveries in each state."""

    def work(db: Transaction) -> list[WebhookAnswer]:
        page = webhooks.page(db, after=after, limit=limit)
        return [webhook_answer(webhook, deliveries.counts(db, webhook.id)) for webhook in page]

    return await store.read(work)


async def delete(store: Store, id_: str) -> None:
    """Remove a webhook with its deliveries. Raises Refused `not_found`."""

    def work(db: Transaction) -> bool:
        webhooks.hold_all(db)
        return webhooks.remove(db, id_)

    if not await store.write(work):
        raise _not_found(id_)


async def list_deliveries(
    store: Store, id_: str, state: DeliveryState, *, after: int = 0, limit: int = LISTED_MAX
) -> list[DeliveryAnswer]:
    """The next deliveries of a webhook in a state, after an id. Raises Refused `not_found`."""

    def work(db: Transaction) -> list[Delivery]:
        _look_for(db, id_)
        return deliveries.page(db, id_, state, after=after, limit=limit)

    return [delivery_answer(found) for found in await store.read(work)]


async def resend(store: Store, id_: str) -> int:
    """Make all dead and failed deliveries of a webhook due now; returns how many. Raises Refused `not_found`."""

    def work(db: Transaction) -> int:
        webhooks.hold_all(db)
        _look_for(db, id_)
        return sum(_send_again(db, id_, state) for state in (DeliveryState.DEAD, DeliveryState.FAILED))

    return await store.write(work)


def _send_again(db: Transaction, id_: str, state: DeliveryState) -> int:
    after, done = 0, 0
    while page := deliveries.page(db, id_, state, after=after, limit=LISTED_MAX):
        after = page[-1].id
        done += deliveries.send_again(db, [delivery.id for delivery in page], now_ms())
    return done


def _look_for(db: Transaction, id_: str) -> None:
    if webhooks.by_id(db, id_) is None:
        raise _not_found(id_)


def webhook_id(text: str, field: str = "id") -> str:
    """The id of a webhook as the store has it. Raises UsageError."""
    return str(parse_id(text, field))


def _not_found(id_: str) -> Refused:
    return Refused("not_found", f"there is no webhook {id_}", path="id")
