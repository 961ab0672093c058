"""Latency: from the answer to `publish` to the row in the store of another country.

There are four processes: the daemons of originator and reader, a child that reads the floor, and this one. Every few
milliseconds this process publishes the drafts that are due, as a gateway would, and watches the reader's store. Before
that, the floor runs at the same rate over the same log: this process appends, and the child fetches and makes one
SQLite commit with synchronous=FULL.
"""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import material
from bench.figures import Figures, percentile
from bench.material import ACTOR, ORIGINATOR, READER, World
from broker import topology as topologies
from broker.bus import KAFKA, open_log
from broker.log import Log, TopicSpec
from node.runtime.open_intake import publisher
from node.runtime.open_store import open_store
from node.stages import Draft
from tests.support.processes import running, until

RATES: Final = (100, 1_000)  # messages per second
SECONDS: Final = 6
WARM_SHARE: Final = 5  # the first fifth is not counted
TICK_SECONDS: Final = 0.004
LOOK_SECONDS: Final = 0.001
SECONDS_MAX: Final = 300.0
FLOOR_TOPIC: Final = "floor.bz"
FLOOR_SIZE_BYTES: Final = 2_200  # the size of a sealed message of 1.3 KB
MS: Final = 1_000
RATE_COMPARED: Final = 100
TARGET: Final = "at most 5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """One run of the exchange."""

    latencies: list[float]
    """Seconds from the answer to the row in the reader's store, for each message."""

    seconds: float
    """From the first call of `accept` to the last row."""


def measure(folder: Path, figures: Figures, *, messages: int, bus: str | None) -> None:
    """Measure p50 and p99 of the floor and of the exchange at each rate, and their ratios at the lower one."""
    name = "kafka" if bus is not None and bus.startswith(KAFKA) else "embedded"
    world = material.world(folder / "world", bus=bus)
    asyncio.run(provision(world, folder))
    for rate in RATES:
        count = min(messages * 3, rate * SECONDS)
        floor = _floor(world, folder, rate, count)
        ours = exchange(world, rate, count).latencies
        for share in (50, 99):
            mine, least = (percentile(found[len(found) // WARM_SHARE :], share / 100) for found in (ours, floor))
            figures.add(f"latency_p{share}_ms_{name}_{rate}", "ms", [mine * MS])
            figures.add(f"latency_floor_p{share}_ms_{name}_{rate}", "ms", [least * MS])
            if rate == RATE_COMPARED:
                figures.add(f"latency_p{share}_over_floor_{name}_{rate}", "times", [mine / least], target=TARGET)


async def provision(world: World, folder: Path) -> None:
    """Create the topics of the exchange and of the floor."""
    bus = open_log(world.bus, folder)
    try:
        floor = TopicSpec(topic=FLOOR_TOPIC, replication=1, retention_days=1)
        await bus.provision([*topologies.specs_of(world.topology), floor])
    finally:
        await bus.close()


def _floor(world: World, folder: Path, rate: int, count: int) -> list[float]:
    """Seconds from the start of the append to the commit, for each message."""
    command = [sys.executable, "-m", "bench.latency_floor", world.bus, str(folder / f"floor-{rate}.db"), str(count)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if child.stdout is None or child.stdout.readline().strip() != "ready":
            raise AssertionError("the floor's reader did not start")
        asyncio.run(_append(world, folder, rate, count))
        out, _ = child.communicate(timeout=SECONDS_MAX)
    finally:
        child.kill()
    found: list[float] = json.loads(out)
    return found


async def _append(world: World, folder: Path, rate: int, count: int) -> None:
    bus: Log = open_log(world.bus, folder)

    async def send(chosen: range) -> None:
        begun = time.time_ns().to_bytes(8, "big")
        await bus.append(FLOOR_TOPIC, [begun + os.urandom(FLOOR_SIZE_BYTES - len(begun)) for _ in chosen])

    try:
        await at_rate(rate, count, send)
    finally:
        await bus.close()


async def at_rate(rate: int, count: int, send: Callable[[range], Coroutine[Any, Any, None]]) -> None:
    """Call `send` with the numbers that have become due since the last call."""
    begun, done = time.monotonic(), 0
    while done < count:
        due = min(count, int((time.monotonic() - begun) * rate) + 1)
        if due > done:
            await send(range(done, due))
            done = due
        await asyncio.sleep(TICK_SECONDS)


def exchange(world: World, rate: int, count: int) -> Exchanged:
    """Publish at a rate, and wait until the reader has stored every message."""
    drafts = material.drafts(count, first=rate * SECONDS * 10)  # different drafts for each rate
    with running(world.homes[ORIGINATOR], world.homes[READER]):
        watcher = _Watcher(world.homes[READER] / "store.db", count)
        begun = time.time()
        accepted = asyncio.run(_publish(world, rate, drafts))
        until(lambda: len(watcher.seen) >= count, SECONDS_MAX)
        watcher.join()
    latencies = [watcher.seen[id_] - at for id_, at in accepted]
    return Exchanged(latencies=latencies, seconds=max(watcher.seen.values()) - begun)


async def _publish(world: World, rate: int, drafts: Sequence[Draft]) -> list[tuple[bytes, float]]:
    home, accepted = world.home(ORIGINATOR), list[tuple[bytes, float]]()
    async with open_store(home) as store:
        intake = publisher(home, store, home.documents())

        async def send(chosen: range) -> None:
            answers = await intake.accept(drafts[chosen.start : chosen.stop], actor=ACTOR)
            now = time.time()
            accepted.extend((answer.message_id, now) for answer in answers if answer.message_id is not None)

        await at_rate(rate, len(drafts), send)
    return accepted


class _Watcher:
    """Notes when each message becomes visible in a store, in a thread with its own connection."""

    def __init__(self, store: Path, count: int) -> None:
        self.seen: dict[bytes, float] = {}
        self._store = store
        self._count = count
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the end of the thread."""
        self._thread.join()

    def _watch(self) -> None:
        connection = sqlite3.connect(f"{self._store.absolute().as_uri()}?mode=ro", uri=True)
        version, deadline = -1, time.monotonic() + SECONDS_MAX
        try:
            [last] = connection.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()
            while len(self.seen) < self._count and time.monotonic() < deadline:
                now_version = connection.execute("PRAGMA data_version").fetchone()[0]
                if now_version == version:
                    time.sleep(LOOK_SECONDS)
                    continue
                version = now_version
                for id_, message_id in connection.execute(
                    "SELECT id, message_id FROM message WHERE id > ? ORDER BY id", (last,)
                ):
                    self.seen[message_id], last = time.time(), id_
        finally:
            connection.close()
