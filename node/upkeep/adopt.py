"""`adopt`: reads the own streams to their end and goes on after what the log has, while no daemon runs.

What the log has is verified by the usual way of a record that was read back: the signature is of a key of this node.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

from node.errors import Unavailable
from node.integrity import own_heads as kept
from node.runtime.home import Home
from node.runtime.open_node import OpenNode, open_node, own_streams
from node.runtime.single_daemon import claimed, only_daemon

READ_SECONDS_MAX: Final = 600.0  # without a new record


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedStream:
    """An own stream whose head moved."""

    stream: str
    from_: int
    """The first sequence that the store did not have."""

    to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptAnswer:
    """What was adopted."""

    adopted: tuple[AdoptedStream, ...]


async def adopt(home: Home) -> tuple[AdoptedStream, ...]:
    """Adopt what the log has more of the own streams. Raises LogUnavailable, UsageError and Unavailable."""
    with only_daemon(home.path):
        async with open_node(home) as node:
            with claimed(node.store.claim()):
                await _read_own(home, node)
                now = node.clock()
                behind = await node.store.read(partial(kept.behind, node=home.node))
                await node.store.write(partial(kept.adopt, node=home.node, streams=behind, now=now))
    return tuple(
        AdoptedStream(stream=stream.stream, from_=stream.head.next_sequence, to=stream.log.next_sequence - 1)
        for stream in behind
    )


async def _read_own(home: Home, node: OpenNode) -> None:
    check = own_streams(home, node.store, node.bus, node.documents.governance)
    node.subscriber.places = {
        topic: place for topic, place in node.subscriber.places.items() if place.originator == home.node
    }
    await node.subscriber.start()
    deadline = asyncio.get_running_loop().time() + READ_SECONDS_MAX
    while not await check.read_to_end():
        if await node.subscriber.step(0.5):
            deadline = asyncio.get_running_loop().time() + READ_SECONDS_MAX
        elif asyncio.get_running_loop().time() > deadline:
            raise Unavailable("timed_out", "the log does not deliver the end of the own streams", path="bus.url")
