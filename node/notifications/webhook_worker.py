"""Delivers to one webhook: one delivery at a time, in the order in which they are due.

- An attempt is noted, with an entry of the access log, before the first byte leaves. A process that is killed during it
  makes the attempt again, so a target gets each message at least once.
- A delivery that failed waits (retry_rule.py), and the next one is tried after a pause. So one message that the target
  never takes does not stop the others, and a target that is down is not flooded.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpcore

from node.database.engine import Store, Transaction
from node.errors import UsageError
from node.notifications import post_delivery
from node.notifications.delivery_request import body_of, headers_of
from node.notifications.event_form import item_of, without_narrative
from node.notifications.post_delivery import EXPIRED, FORBIDDEN, SECRET_LOST
from node.notifications.retry_rule import Answer, next_attempt_at, pause_ms
from node.notifications.target_connection import pool
from node.notifications.targets import Target, TargetRules, target_of
from node.notifications.webhook_secrets import open_secret
from node.store import access_log, message_search
from node.store.access_log import Operation
from node.store.message_search import HeldMessage, Query
from node.webhooks import deliveries
from node.webhooks.deliveries import Attempt, Delivery, DeliveryState
from node.webhooks.webhooks import Webhook

REST_MS_MAX: Final = 60_000  # between two deliveries to a target that takes none
IDLE_SECONDS_MAX: Final = 60.0  # a longer wait is looked at again


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySetting:
    """What all workers share."""

    store: Store
    home: Path
    clock: Callable[[], int]
    rules: TargetRules
    tls: ssl.SSLContext
    share: Callable[[], float]
    """A random number from 0 up to 1."""


@dataclass(slots=True, kw_only=True)
class WebhookWorker:
    """The deliveries to one webhook."""

    setting: DeliverySetting
    webhook: Webhook
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there may be new deliveries."""

    _failures: int = 0
    _pool: httpcore.AsyncConnectionPool | None = None

    async def step(self, stopping: asyncio.Event) -> None:
        """Deliver what is due next, or wait until something is due or `woken`. Raises Unavailable."""
        self.woken.clear()
        now = self.setting.clock()
        due = await self.setting.store.read(partial(deliveries.due, webhook=self.webhook.id, now=now, limit=1))
        if due:
            await self._deliver(due[0], now)
            rest = min(REST_MS_MAX, pause_ms(self._failures, self.setting.share())) if self._failures else 0
            if rest:
                await _pause(rest / 1000, stopping)
            return
        next_at = await self.setting.store.read(partial(deliveries.next_due, webhook=self.webhook.id))
        seconds = IDLE_SECONDS_MAX if next_at is None else min(IDLE_SECONDS_MAX, max(0, next_at - now) / 1000)
        await _pause(seconds, self.woken)

    async def close(self) -> None:
        """Close the connection."""
        if self._pool is not None:
            with suppress(Exception):  # it may be broken
                await self._pool.aclose()

    async def _deliver(self, delivery: Delivery, now: int) -> None:
        message = await self.setting.store.read(partial(_message, id_=delivery.message, now=now))
        if message is None:
            await self._settle(delivery, Answer(status=None, error=EXPIRED, is_final=True))
            return
        if not await self.setting.store.write(partial(self._begin, delivery=delivery, message=message, now=now)):
            return
        answer = await self._attempt(delivery, message, now)
        self._failures = 0 if answer.error is None else self._failures + 1
        await self._settle(delivery, answer, attempts=delivery.attempts + 1)

    def _begin(self, db: Transaction, delivery: Delivery, message: HeldMessage, now: int) -> bool:
        again_at = now + pause_ms(delivery.attempts + 1, 0)
        if not deliveries.begin(db, delivery.id, again_at=again_at, now=now):
            return False
        if delivery.attempts == 0:
            subject = (item_of(message)["message_id"], f"webhook {self.webhook.url}")
            actor = f"webhook {self.webhook.id}"
            access_log.add(db, Operation.DISCLOSURE, actor=actor, subjects=[subject], now=now)
        return True

    async def _attempt(self, delivery: Delivery, message: HeldMessage, now: int) -> Answer:
        try:
            target = target_of(self.webhook.url, self.setting.rules)
            secret = open_secret(self.setting.home, self.webhook.id, self.webhook.secret)
        except UsageError as error:
            forbidden = error.code in ("webhook_target_forbidden", "webhook_url_invalid")
            return Answer(status=None, error=FORBIDDEN if forbidden else SECRET_LOST, is_final=True)
        if secret is None:
            return Answer(status=None, error=SECRET_LOST, is_final=True)
        item = item_of(message)
        body = body_of(self._shown(item), attempt=delivery.attempts + 1, now=now)
        headers = headers_of(body, secret, item["message_id"], target.authority)
        return await post_delivery.post(self._connections(target), target, body, headers)

    def _shown(self, item: dict[str, Any]) -> dict[str, Any]:
        return item if self.webhook.content else without_narrative(item)

    def _connections(self, target: Target) -> httpcore.AsyncConnectionPool:
        if self._pool is None:
            self._pool = pool(target.scheme, self.setting.rules, self.setting.tls)
        return self._pool

    async def _settle(self, delivery: Delivery, answer: Answer, *, attempts: int = 0) -> None:
        now = self.setting.clock()
        state, next_at = DeliveryState.DELIVERED, None
        if answer.error is not None:
            next_at = next_attempt_at(
                answer, attempts=attempts, created_at=delivery.created_at, now=now, share=self.setting.share()
            )
            state = DeliveryState.DEAD if next_at is None else DeliveryState.FAILED
        result = Attempt(id=delivery.id, state=state, next_at=next_at, status=answer.status, error=answer.error)
        await self.setting.store.write(partial(deliveries.settle, attempt=result, now=now))


def _message(db: Transaction, id_: int, now: int) -> HeldMessage | None:
    """The message with this id, if it has its content and has not expired."""
    found = message_search.search(db, Query(after=id_ - 1, limit=1, unexpired_at=now))
    return found[0] if found and found[0].cursor == str(id_) and found[0].report is not None else None


async def _pause(seconds: float, event: asyncio.Event) -> None:
    """Wait so long, or until the event is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
