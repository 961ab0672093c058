"""Makes deliveries for the messages that arrived since a webhook was last looked at.

A webhook with DELIVERIES_OPEN_MAX deliveries that are not settled gets no further ones: its position stays, so nothing
is lost, and it goes on when its target takes messages again.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

from node.database.engine import Store, Transaction
from node.store import message_search, messages
from node.store.message_search import Query
from node.webhooks import deliveries, webhooks
from node.webhooks.deliveries import DeliveryState
from node.webhooks.webhooks import Webhook

DELIVERIES_OPEN_MAX: Final = 1_000  # of one webhook
MADE_TOGETHER_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The next messages for a webhook."""

    ids: tuple[int, ...]
    reached: int
    """Every message up to this id was looked at."""


async def fill(store: Store, webhook: Webhook, *, after: int, now: int) -> int:
    """Make deliveries for the next messages after `after`; returns up to which id all messages were looked at.

    The position of the webhook in the store moves only with new deliveries. Raises Unavailable.
    """
    found = await store.read(partial(_find, webhook=webhook, after=after, now=now))
    if found.ids:
        await store.write(partial(_add, webhook=webhook, found=found, now=now))
    return found.reached


def _find(db: Transaction, webhook: Webhook, after: int, now: int) -> _Found:
    last = messages.last_id(db)
    counts = deliveries.counts(db, webhook.id)
    room = DELIVERIES_OPEN_MAX - counts[DeliveryState.PENDING] - counts[DeliveryState.FAILED]
    if last <= after or room <= 0:
        return _Found(ids=(), reached=after)
    limit = min(room, MADE_TOGETHER_MAX)
    query = Query(
        originators=webhook.originators, subjects=webhook.subjects, after=after, limit=limit, unexpired_at=now
    )
    ids = tuple(message_search.ids_of(db, query))
    return _Found(ids=ids, reached=ids[-1] if len(ids) == limit else last)


def _add(db: Transaction, webhook: Webhook, found: _Found, now: int) -> None:
    webhooks.hold_all(db)
    current = webhooks.by_id(db, webhook.id)
    if current is None:
        return  # an administrator removed it
    deliveries.add(db, webhook.id, [id_ for id_ in found.ids if id_ > current.position], now)
    webhooks.move(db, webhook.id, max(current.position, found.reached))
