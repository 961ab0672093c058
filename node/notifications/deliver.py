"""Delivers to all webhooks: makes deliveries as messages arrive, with a worker for each webhook.

The daemon runs it, so one process delivers. A slow target keeps only its own worker waiting.
"""

import asyncio
from contextlib import closing
from functools import partial
from typing import Final

import structlog

from node.database.engine import Transaction
from node.limits import DAY_MS
from node.notifications.fill_deliveries import fill
from node.notifications.webhook_admin import WEBHOOKS_MAX
from node.notifications.webhook_worker import DeliverySetting, WebhookWorker
from node.runtime.jobs import pause, repeat
from node.store import messages
from node.webhooks import old_deliveries, webhooks
from node.webhooks.deliveries import DeliveryState
from node.webhooks.webhooks import Webhook

LOOK_SECONDS: Final = 2.0  # between two looks for new webhooks
AGE_MS: Final = 60_000  # between two looks at old deliveries
DELIVERED_KEPT_MS: Final = 7 * DAY_MS
DEAD_KEPT_MS: Final = 90 * DAY_MS
DELIVERED_KEPT_MAX: Final = 1_000  # of one webhook
DEAD_KEPT_MAX: Final = 10_000  # of one webhook

log = structlog.get_logger()


class Deliverer:
    """The workers of all webhooks."""

    def __init__(self, setting: DeliverySetting) -> None:
        self._setting = setting
        self._workers: dict[str, tuple[WebhookWorker, asyncio.Task[None]]] = {}
        self._looked: dict[str, int] = {}
        self._aged_at: int | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Deliver until the node stops."""
        with closing(self._setting.store.watch()) as changes:

            async def step() -> None:
                if await self.look(stopping):
                    await changes.wait(stopping, LOOK_SECONDS)
                else:
                    await pause(LOOK_SECONDS, stopping)

            try:
                await repeat("deliver_webhooks", step, stopping)
                for worker, _ in self._workers.values():
                    worker.woken.set()
                await asyncio.gather(*(task for _, task in self._workers.values()))
            finally:
                await self._end(list(self._workers))

    async def look(self, stopping: asyncio.Event) -> int:
        """Look once at webhooks and messages; returns how many webhooks there are. Raises Unavailable."""
        found, last = await self._setting.store.read(_webhooks_and_last)
        await self._end([id_ for id_ in self._workers if id_ not in {webhook.id for webhook in found}])
        for webhook in found:
            worker = self._worker(webhook, stopping)
            after = max(webhook.position, self._looked.get(webhook.id, 0))
            if last > after:
                after = await fill(self._setting.store, webhook, after=after, now=self._setting.clock())
            self._looked[webhook.id] = after
            worker.woken.set()
        if found:
            await self._age(found)
        return len(found)

    def _worker(self, webhook: Webhook, stopping: asyncio.Event) -> WebhookWorker:
        if webhook.id not in self._workers:
            worker = WebhookWorker(setting=self._setting, webhook=webhook)
            running = repeat("deliver_webhook", partial(worker.step, stopping), stopping)
            self._workers[webhook.id] = (worker, asyncio.create_task(running, name="deliver_webhook"))
        worker, task = self._workers[webhook.id]
        if task.done():
            task.result()  # a bug ends the daemon
        return worker

    async def _end(self, ids: list[str]) -> None:
        for id_ in ids:
            worker, task = self._workers.pop(id_)
            self._looked.pop(id_, None)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await worker.close()

    async def _age(self, found: list[Webhook]) -> None:
        now = self._setting.clock()
        if self._aged_at is not None and abs(now - self._aged_at) < AGE_MS:
            return
        self._aged_at = now
        dropped = await self._setting.store.write(partial(_age, ids=[webhook.id for webhook in found], now=now))
        if dropped:
            log.warning("dead_deliveries_dropped", deliveries=dropped)


def _webhooks_and_last(db: Transaction) -> tuple[list[Webhook], int]:
    """All webhooks, and the id of the newest message."""
    return webhooks.page(db, after="", limit=WEBHOOKS_MAX), messages.last_id(db)


def _age(db: Transaction, ids: list[str], now: int) -> int:
    """Delete old deliveries; returns how many dead ones."""
    old_deliveries.drop_old(db, DeliveryState.DELIVERED, now - DELIVERED_KEPT_MS)
    dropped = old_deliveries.drop_old(db, DeliveryState.DEAD, now - DEAD_KEPT_MS)
    for id_ in ids:
        old_deliveries.keep_newest(db, id_, DeliveryState.DELIVERED, DELIVERED_KEPT_MAX)
        dropped += old_deliveries.keep_newest(db, id_, DeliveryState.DEAD, DEAD_KEPT_MAX)
    return dropped
