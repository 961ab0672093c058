"""Two cores: how much faster a node with two processes reads a backlog than a node with one.

The node is a real daemon with a new store each time. Half of the messages come from each of two originators, which
belong to different reading shares. The time starts when a fifth of the messages is stored and ends with the last one.
BENCH_BACKLOG_MESSAGES sets the number of messages, and above BACKLOG_ROUNDS_MESSAGES_MAX of them there is one round.
"""

import asyncio
import time
from pathlib import Path
from typing import Final

from bench import material
from bench.enlace import ITEMS_WARM
from bench.figures import Figures, number
from bench.material import READER, World
from bench.memory import fill, peak_mebibytes, stored
from tests.support.processes import Daemon, until

ROUNDS: Final = 5 if ITEMS_WARM else 1
SENDERS: Final = ("BZ", "CO")  # neighbours in the topology, so they belong to different shares
MESSAGES_FACTOR: Final = 4  # times the messages of a round of throughput
WARM_SHARE: Final = 5
SECONDS_MAX: Final = 300.0
LOOK_SECONDS: Final = 0.02
BACKLOG_ROUNDS_MESSAGES_MAX: Final = 20_000


def measure(folder: Path, figures: Figures, messages: int) -> None:
    """The seconds of one process divided by the seconds of two, in interleaved rounds."""
    world = material.world(folder / "world")
    count = number("BENCH_BACKLOG_MESSAGES", messages * MESSAGES_FACTOR)
    each = max(1, count // len(SENDERS))
    asyncio.run(fill(world, folder, SENDERS, each))
    seconds: dict[int, list[float]] = {1: [], 2: []}
    peaks: list[float] = []
    for turn in range(ROUNDS if count <= BACKLOG_ROUNDS_MESSAGES_MAX else 1):
        for processes in (1, 2) if turn % 2 else (2, 1):
            store = folder / f"{processes}-{turn}.db"
            needed, peak = _take_in(world, store, processes, each * len(SENDERS))
            seconds[processes].append(needed)
            peaks.append(peak)
    ratios = [single / double for single, double in zip(seconds[1], seconds[2], strict=True)]
    figures.add("receive_two_cores_over_one", "times", ratios, target="at least 1.9")
    figures.add("backlog_memory_peak_mb", "MiB", [max(peaks)], target="below 200")
    figures.add("backlog_messages", "messages", [each * len(SENDERS)])


def _take_in(world: World, store: Path, processes: int, count: int) -> tuple[float, float]:
    """Seconds per message of a daemon with this number of processes, after the first fifth of the messages.

    The second result is the highest memory of one of its processes, in MiB.
    """
    variables = {"ENLACE_STORE__URL": f"sqlite:///{store.absolute()}", "ENLACE_NODE__PROCESSES": str(processes)}
    daemon = Daemon(world.homes[READER], variables)
    try:
        daemon.ready()
        until(lambda: stored(store) >= count // WARM_SHARE, SECONDS_MAX, rarest=LOOK_SECONDS)
        begun, before = time.monotonic(), stored(store)
        until(lambda: stored(store) >= count, SECONDS_MAX, rarest=LOOK_SECONDS)
        spent = (time.monotonic() - begun) / max(1, count - before)
        return spent, max(peak_mebibytes(pid) for pid in (daemon.process.pid, *_children(daemon.process.pid)))
    finally:
        daemon.stop()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()]
