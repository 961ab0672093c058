"""Memory of a node that reads a backlog: the highest resident size of its process.

The node is a real daemon in its own process. All messages are in the log before it starts. BENCH_MEMORY_MESSAGES sets
their number (`make bench-memory`: 100,000).
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import material
from bench.enlace import ITEMS_IN_TRANSACTION
from bench.figures import Figures, number
from bench.material import ACTOR, ORIGINATOR, READER, World
from broker import topology as topologies
from broker.bus import open_log
from tests.support.processes import Daemon, until

MESSAGES_FACTOR: Final = 4  # times the messages of a round of throughput
MESSAGES_AT_ONCE: Final = 2_000  # drafts in the memory of this process
SECONDS_MAX: Final = 1_800.0
KIBIBYTES: Final = 1_024


def measure(folder: Path, figures: Figures, messages: int) -> None:
    """Fill the log, let a daemon read all of it, and ask the kernel for the peak of the daemon's memory."""
    count = number("BENCH_MEMORY_MESSAGES", messages * MESSAGES_FACTOR)
    world = material.world(folder / "world")
    asyncio.run(fill(world, folder, [ORIGINATOR], count))
    home = world.homes[READER]
    daemon = Daemon(home)
    try:
        daemon.ready()
        until(lambda: stored(home / "store.db") >= count, SECONDS_MAX)
        peak = peak_mebibytes(daemon.process.pid)
    finally:
        daemon.stop()
    figures.add("receive_memory_peak_mb", "MiB", [peak], target="below 200")
    figures.add("receive_memory_messages", "messages", [count])


async def fill(world: World, folder: Path, senders: Sequence[str], each: int) -> None:
    """Let each of `senders` send `each` messages to the world's log."""
    bus = open_log(world.bus, folder)
    try:
        await bus.provision(topologies.specs_of(world.topology))
        for sender in senders:
            async with world.node(sender, folder / f"{sender}.db", bus) as (node, intake):
                for first in range(0, each, MESSAGES_AT_ONCE):
                    drafts = material.drafts(min(MESSAGES_AT_ONCE, each - first), first=first, originator=sender)
                    for begin in range(0, len(drafts), ITEMS_IN_TRANSACTION):
                        await intake.accept(drafts[begin : begin + ITEMS_IN_TRANSACTION], actor=ACTOR)
                        await node.relay.step()
    finally:
        await bus.close()


def stored(store: Path) -> int:
    """The number of messages in a node's store; 0 if there is no store yet."""
    if not store.is_file():
        return 0
    connection = sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0])
    except sqlite3.OperationalError:  # its tables do not exist yet
        return 0
    finally:
        connection.close()


def peak_mebibytes(pid: int) -> float:
    """The highest resident size of a process."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / KIBIBYTES
    raise AssertionError("the kernel does not report VmHWM")
