"""(c) Enlace as it is: the real publisher, relay and subscriber, each on a store of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.figures import Spent, Stopwatch
from bench.material import ORIGINATOR, READER, World
from broker.log import Log
from node.intake import Draft
from node.relay import DRAFTS_IN_BATCH_MAX
from node.store import messages

ITEMS_IN_TRANSACTION: Final = DRAFTS_IN_BATCH_MAX
"""One size for what is accepted, sealed and appended together, on every side of the comparison."""


async def publish(world: World, folder: Path, bus: Log, drafts: Sequence[Draft], *, together: int) -> Spent:
    """Accept and send `drafts`, so many in a transaction."""
    watch = Stopwatch()
    async with world.node(ORIGINATOR, folder / "enlace-out.db", bus) as (node, intake):
        with watch.running():
            for first in range(0, len(drafts), together):
                answers = await intake.accept(drafts[first : first + together])
                if any(one.outcome != "accepted" for one in answers):
                    raise AssertionError("a draft was not accepted")
                await node.relay.step()
    return watch.spent


async def receive(world: World, folder: Path, bus: Log, count: int) -> Spent:
    """Read until `count` messages are stored."""
    watch = Stopwatch()
    async with world.node(READER, folder / "enlace-in.db", bus) as (node, _):
        await node.subscriber.start()
        with watch.running():
            while await node.subscriber.step(0):
                pass
        async with node.store.read() as db:
            stored = await messages.count(db)
        if stored != count:
            raise AssertionError(f"{stored} of {count} messages were stored")
    return watch.spent
