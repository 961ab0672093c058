"""Makes and compares the topics of a cluster, as an operator's command does: one administrator for one call."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from broker.kafka.clients import Address, Admin
from broker.kafka.topic_settings import changes, drift, settings_of
from broker.log import Drift, Provisioned, TopicSpec

TOPICS_IN_REQUEST_MAX: Final = 100


@asynccontextmanager
async def _admin(address: Address) -> AsyncIterator[Admin]:
    admin = Admin(address)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def provision(address: Address, specs: Sequence[TopicSpec]) -> Provisioned:
    """Make what is missing, with at most as many replicas as there are brokers, and set what differs."""
    async with _admin(address) as admin:
        brokers = await admin.broker_count()
        there = await admin.describe([spec.topic for spec in specs])
        missing = [spec for spec in specs if spec.topic not in there]
        differing = [spec for spec in specs if spec.topic in there and changes(spec, there[spec.topic])]
        created: tuple[str, ...] = ()
        for start in range(0, len(missing), TOPICS_IN_REQUEST_MAX):
            some = missing[start : start + TOPICS_IN_REQUEST_MAX]
            created += await admin.create(
                {spec.topic: (min(spec.replication, brokers), settings_of(spec)) for spec in some}
            )
        if differing:
            await admin.alter({spec.topic: settings_of(spec) for spec in differing})
    return Provisioned(created=created, changed=tuple(spec.topic for spec in differing))


async def check(address: Address, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
    """Every difference, by topic and setting."""
    async with _admin(address) as admin:
        there = await admin.describe([spec.topic for spec in specs])
    return tuple(one for spec in specs for one in drift(spec, there.get(spec.topic)))
