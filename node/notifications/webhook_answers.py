"""What the commands about webhooks answer: a webhook without its secret, and a delivery."""

from collections.abc import Mapping
from dataclasses import dataclass

from node.answers.plain_json import TimeMs
from node.webhooks.deliveries import Delivery, DeliveryState
from node.webhooks.webhooks import Webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAnswer:
    """A webhook, without its secret."""

    id: str
    url: str
    subjects: tuple[str, ...]
    originators: tuple[str, ...]
    content: bool
    created_at: TimeMs
    created_by: str
    pending: int
    failed: int
    delivered: int
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAnswer:
    """One delivery."""

    id: int
    webhook: str
    cursor: str
    """Of the message, as in `search`."""

    state: str
    attempts: int
    created_at: TimeMs
    next_at: TimeMs | None
    changed_at: TimeMs
    status: int | None
    error: str | None


def webhook_answer(webhook: Webhook, counts: Mapping[DeliveryState, int]) -> WebhookAnswer:
    """A webhook with the number of its deliveries in each state."""
    return WebhookAnswer(
        id=webhook.id,
        url=webhook.url,
        subjects=webhook.subjects,
        originators=webhook.originators,
        content=webhook.content,
        created_at=webhook.created_at,
        created_by=webhook.created_by,
        pending=counts.get(DeliveryState.PENDING, 0),
        failed=counts.get(DeliveryState.FAILED, 0),
        delivered=counts.get(DeliveryState.DELIVERED, 0),
        dead=counts.get(DeliveryState.DEAD, 0),
    )


def delivery_answer(delivery: Delivery) -> DeliveryAnswer:
    """A delivery with its state."""
    return DeliveryAnswer(
        id=delivery.id,
        webhook=delivery.webhook,
        cursor=str(delivery.message),
        state=delivery.state.value,
        attempts=delivery.attempts,
        created_at=delivery.created_at,
        next_at=delivery.next_at,
        changed_at=delivery.changed_at,
        status=delivery.status,
        error=delivery.error,
    )
