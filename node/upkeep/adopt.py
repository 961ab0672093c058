"""`adopt`: reads the own streams to their end and goes on after what the log has, while no daemon runs.

What the log has is verified by the usual way of a record that was read back: the signature is of a key of this node.
The operator says whether the records that this node did not send are its own, or were signed by somebody else. Either
way the node goes on after them: their sequences are taken.
"""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from node.errors import Unavailable
from node.integrity import own_heads as kept
from node.runtime.home import Home
from node.runtime.open_node import OpenNode, open_node
from node.runtime.own_streams import own_streams
from node.runtime.single_daemon import claimed, only_daemon
from node.verification.unsent import Unsent

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
    drafts_again: int
    """Reports that this node sealed at sequences that other records have; they are sealed again."""


async def adopt(home: Home, *, disown: bool = False) -> AdoptAnswer:
    """Go on after what the log has of the own streams; with `disown` its records do not count as this node's reports.

    Raises LogUnavailable, UsageError and Unavailable.
    """
    with only_daemon(home.path):
        async with open_node(home) as node:
            with claimed(node.store.claim()):
                node.judge.judge = replace(node.judge.judge, unsent=Unsent.DISOWNED if disown else Unsent.ADOPTED)
                await _read_own(home, node)
                behind = await node.store.read(partial(kept.behind, node=home.node))
                again = await node.store.write(
                    partial(kept.adopt, judge=node.judge.judge, streams=behind, now=node.clock())
                )
    adopted = tuple(
        AdoptedStream(stream=stream.stream, from_=stream.head.next_sequence, to=stream.log.next_sequence - 1)
        for stream in behind
    )
    return AdoptAnswer(adopted=adopted, drafts_again=again)


async def _read_own(home: Home, node: OpenNode) -> None:
    """Read the own streams to their end, and decide about the records that were held or deferred."""
    check = own_streams(home, node.store, node.bus, node.documents.governance)
    node.subscriber.places = {
        topic: place for topic, place in node.subscriber.places.items() if place.originator == home.node
    }
    node.subscriber.rereader.places = node.subscriber.places
    await node.subscriber.start()
    deadline = asyncio.get_running_loop().time() + READ_SECONDS_MAX
    while not await check.read_to_end():
        if await node.subscriber.step(0.5):
            deadline = asyncio.get_running_loop().time() + READ_SECONDS_MAX
        elif asyncio.get_running_loop().time() > deadline:
            raise Unavailable("timed_out", "the log does not deliver the end of the own streams", path="bus.url")
    await node.subscriber.retry_all()
    await _reread(node)


async def _reread(node: OpenNode) -> None:
    while not node.subscriber.rereader.is_done:
        await node.subscriber.step(0)
