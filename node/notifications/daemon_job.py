"""The job of the daemon that delivers to webhooks. Its libraries are loaded with the first webhook."""

import asyncio
from typing import Final

from node.runtime.jobs import Job, pause, repeat
from node.runtime.open_node import OpenNode
from node.system_random import random_bytes
from node.webhooks import webhooks

LOOK_SECONDS: Final = 2.0  # between two looks for the first webhook


async def _deliver(node: OpenNode, stopping: asyncio.Event) -> None:
    async def step() -> None:
        if await node.store.read(webhooks.count):
            await _run(node, stopping)
        else:
            await pause(LOOK_SECONDS, stopping)

    await repeat("deliver_webhooks", step, stopping)


async def _run(node: OpenNode, stopping: asyncio.Event) -> None:
    from node.notifications.deliver import Deliverer
    from node.notifications.target_rules import rules_of, tls_of
    from node.notifications.webhook_worker import DeliverySetting

    setting = DeliverySetting(
        store=node.store,
        home=node.home.path,
        clock=node.clock,
        rules=rules_of(node.home),
        tls=tls_of(node.home),
        share=lambda: int.from_bytes(random_bytes(4)) / 2**32,
    )
    await Deliverer(setting).run(stopping)


JOB: Final = Job(name="deliver_webhooks", run=_deliver)
