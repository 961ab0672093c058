"""(c) Enlace: the real publisher, relay and subscriber, each with its own store."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bench.figures import MESSAGES, Spent, Stopwatch, number
from bench.material import ACTOR, ORIGINATOR, READER, World
from broker.log import Log
from node.exchange.retry import RECORDS_IN_TRANSACTION_MAX
from node.sending.outgoing import DRAFTS_IN_BATCH_MAX
from node.stages import Draft
from node.store import messages

ITEMS_IN_TRANSACTION: Final = DRAFTS_IN_BATCH_MAX
"""How many messages each side of the comparison accepts, seals and appends together."""

ITEMS_WARM: Final = (
    RECORDS_IN_TRANSACTION_MAX if number("BENCH_MESSAGES", MESSAGES) >= RECORDS_IN_TRANSACTION_MAX else 0
)
"""The number of messages at the start of each run that are not timed. A small run, as tests use, times all."""


def chunks(count: int, together: int) -> Iterator[range]:
    """The numbers from 0 to `count`: first those that are not timed, then `together` at a time."""
    if ITEMS_WARM:
        yield range(min(count, ITEMS_WARM))
    for first in range(ITEMS_WARM, count, together):
        yield range(first, min(first + together, count))


async def publish(world: World, folder: Path, bus: Log, drafts: Sequence[Draft], *, together: int) -> Spent:
    """Accept and send `drafts`, `together` in a transaction."""
    watch = Stopwatch()
    async with world.node(ORIGINATOR, folder / "enlace-out.db", bus) as (node, intake):
        for chosen in chunks(len(drafts), together):
            with watch.running(counted=chosen.start >= ITEMS_WARM):
                answers = await intake.accept(drafts[chosen.start : chosen.stop], actor=ACTOR)
                if any(answer.outcome != "accepted" for answer in answers):
                    raise AssertionError("a draft was not accepted")
                await node.relay.step()
            watch.did(len(chosen))
    return watch.spent


async def receive(world: World, folder: Path, bus: Log, count: int) -> Spent:
    """Read until `count` messages are stored."""
    watch = Stopwatch()
    async with world.node(READER, folder / "enlace-in.db", bus) as (node, _):
        await node.subscriber.start()
        read, new = 0, 1
        while new:
            with watch.running(counted=read >= ITEMS_WARM):
                new = await node.subscriber.step(0)
            watch.did(new)
            read += new
        stored = await node.store.read(messages.count)
        if stored != count:
            raise AssertionError(f"{stored} of {count} messages were stored")
    return watch.spent
