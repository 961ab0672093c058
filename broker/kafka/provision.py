"""Create the topics of a cluster, or compare them with their specification. Each call opens and closes one Admin."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from broker.kafka.admin import Admin
from broker.kafka.client import Address
from broker.kafka.topic_settings import drift, needs_change, settings_of
from broker.log import Drift, Provisioned, TopicSpec

TOPICS_IN_REQUEST_MAX: Final = 100
VISIBLE_SECONDS_MAX: Final = 10.0  # a broker learns of a change from the controller after the acknowledgement
POLL_SECONDS: Final = 0.1


@asynccontextmanager
async def _admin(address: Address) -> AsyncIterator[Admin]:
    admin = Admin(address)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def provision(address: Address, specs: Sequence[TopicSpec]) -> Provisioned:
    """Create missing topics, with at most one replica per broker, and correct settings that differ."""
    async with _admin(address) as admin:
        brokers = await admin.broker_count()
        states = await admin.describe([spec.topic for spec in specs])
        missing = [spec for spec in specs if spec.topic not in states]
        differing = [spec for spec in specs if spec.topic in states and needs_change(spec, states[spec.topic])]
        created: tuple[str, ...] = ()
        for start in range(0, len(missing), TOPICS_IN_REQUEST_MAX):
            chosen = missing[start : start + TOPICS_IN_REQUEST_MAX]
            created += await admin.create(
                {spec.topic: (min(spec.replication, brokers), settings_of(spec)) for spec in chosen}
            )
        if differing:
            await admin.alter({spec.topic: settings_of(spec) for spec in differing})
        await _visible(admin, [*missing, *differing])
    return Provisioned(created=created, changed=tuple(spec.topic for spec in differing))


async def _visible(admin: Admin, specs: Sequence[TopicSpec]) -> None:
    """Wait until the cluster shows what it has just acknowledged, at most `VISIBLE_SECONDS_MAX`."""
    deadline = time.monotonic() + VISIBLE_SECONDS_MAX
    while specs and time.monotonic() < deadline:
        states = await admin.describe([spec.topic for spec in specs])
        specs = [spec for spec in specs if spec.topic not in states or needs_change(spec, states[spec.topic])]
        if specs:
            await asyncio.sleep(POLL_SECONDS)


async def check(address: Address, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
    """Every difference from `specs`, by topic and setting."""
    async with _admin(address) as admin:
        states = await admin.describe([spec.topic for spec in specs])
    return tuple(difference for spec in specs for difference in drift(spec, states.get(spec.topic)))
