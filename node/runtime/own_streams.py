"""Checks, once after each start and before anything is sealed, that the store and the log agree about the own streams.

Own streams are read to their end first. If the log has more than the store sealed, this node was restored from a
backup, or a second copy of it runs: it seals nothing (`head_behind`) until an operator adopts what the log has.
"""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from broker.log import Bounds, Log
from node.database.engine import Store, Transaction
from node.errors import Unavailable
from node.integrity import own_heads
from node.integrity.own_heads import BehindHead
from node.runtime.home import Home
from node.stages import StreamId
from node.store import read_positions, stream_findings
from node.trust.governance import Governance

log = structlog.get_logger()

OTHERS_LOOKS_MAX: Final = 25
OTHERS_WAIT_SECONDS: Final = 0.2
STUCK = "transport_corrupt"
"""A stream with this finding cannot be read to its end."""


@dataclass(slots=True, kw_only=True)
class OwnStreams:
    """The check of one process."""

    store: Store
    bus: Log
    node: str
    places: Mapping[str, StreamId]
    """The topics of this node's own streams."""

    others: Collection[str] = ()
    """The topics of others: what they sealed shows whether the clock is right, so a part is read first."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the node stops: then it does not wait for others."""

    agree: bool = field(default=False, init=False)
    alarmed: bool = field(default=False, init=False)

    async def may_seal(self, now: int) -> bool:
        """Whether own streams were read to their end and agree. False: not read yet, ask again after the next ingest.

        Raises LogUnavailable, and Unavailable `head_behind`.
        """
        if self.agree:
            return True
        if not await self.read_to_end():
            return False
        if behind := await self.store.read(partial(own_heads.behind, node=self.node)):
            await self._refuse(behind, now)
        await self._wait_for_others()
        self.agree = not self.stopping.is_set()
        return self.agree

    async def read_to_end(self) -> bool:
        """Whether every own topic that exists was read to the end that it has now. Raises LogUnavailable."""
        bounds = await self.bus.bounds(list(self.places))
        return await self.store.read(partial(_all_read, bounds=bounds, places=self.places))

    async def _wait_for_others(self) -> None:
        """Wait a while until something of others was read, if they have written anything."""
        bounds = await self.bus.bounds(self.others)
        written = {topic for topic, bound in bounds.items() if bound.end > bound.beginning}
        for _ in range(OTHERS_LOOKS_MAX):
            if not written or written & (await self.store.read(read_positions.next_positions)).keys():
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), OTHERS_WAIT_SECONDS)
            if self.stopping.is_set():
                return

    async def _refuse(self, behind: list[BehindHead], now: int) -> None:
        first = behind[0]
        if not self.alarmed:
            await self.store.write(partial(own_heads.note_behind, node=self.node, streams=behind, now=now))
            for stream in behind:
                log.error(
                    "head_behind",
                    stream=stream.stream,
                    sequence=stream.head.next_sequence - 1,
                    log_sequence=stream.log.next_sequence - 1,
                )
        self.alarmed = True
        raise Unavailable(
            "head_behind",
            f"the log has {first.stream} up to sequence {first.log.next_sequence - 1}, and the store sealed up to "
            f"{first.head.next_sequence - 1}: the store is older than the log, or a second copy of the node runs",
            path="store.url",
            hint="make sure that no second copy runs; then adopt what the log has",
        )


def _all_read(db: Transaction, bounds: Mapping[str, Bounds], places: Mapping[str, StreamId]) -> bool:
    positions = read_positions.next_positions(db)
    return all(
        positions.get(topic, 0) >= bound.end or stream_findings.stands(db, STUCK, places[topic])
        for topic, bound in bounds.items()
    )


def own_streams(home: Home, store: Store, bus: Log, governance: Governance) -> OwnStreams:
    """The check of the own streams of a node."""
    every = home.places(governance=governance)
    own = {topic: place for topic, place in every.items() if place.originator == home.node}
    return OwnStreams(store=store, bus=bus, node=home.node, places=own, others=every.keys() - own.keys())
