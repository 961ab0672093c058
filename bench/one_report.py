"""CPU time of each step of one report, alone and in batches of 256: accept, seal and send, own read-back, read.

One process runs the publisher, the relay and the subscriber of the originator, and the subscriber of the reader, one
after the other, on an embedded log. The CPU time is that of the process, so it includes the threads of the store.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bench import material
from bench.figures import MICROSECONDS, Figures, Stopwatch
from bench.material import ACTOR, ORIGINATOR, READER, World
from node.runtime.open_node import OpenNode
from node.sending.publish import Publisher
from node.stages import Draft

STEPS: Final = ("accept", "seal_send", "own_read_back", "read")
ROUNDS: Final = 5
REPORTS_MAX: Final = 50  # alone, in each round
BATCHES: Final = 2  # in each round
WARM: Final = 8
MILLISECONDS: Final = 1_000
TARGETS_MS: Final = {"accept": 1.5, "seal_send": 5, "own_read_back": 1.5, "read": 5}
TARGETS_US: Final = {"seal_send": 250, "own_read_back": 50, "read": 400}


def measure(folder: Path, figures: Figures, messages: int) -> None:
    """Five rounds of single reports and of batches, each of them on the same two nodes."""
    world = material.world(folder / "world")
    singles, batches = asyncio.run(_rounds(world, folder, min(messages, REPORTS_MAX), min(messages, 256)))
    for step in STEPS:
        ms = [spent[step] * MILLISECONDS for spent in singles]
        figures.add(f"one_report_cpu_ms_{step}", "ms", ms, target=f"at most {TARGETS_MS[step]}")
    for step in STEPS:
        us = [spent[step] * MICROSECONDS for spent in batches]
        target = f"at most {TARGETS_US[step]}" if step in TARGETS_US else ""
        figures.add(f"batch_cpu_us_{step}", "µs/message", us, target=target)


async def _rounds(
    world: World, folder: Path, alone: int, together: int
) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """CPU seconds of each step for each report: of single reports, and of batches."""
    drafts = iter(material.drafts(WARM + ROUNDS * (alone + BATCHES * together)))
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(world.log(folder / "log.db"))
        sender, intake = await stack.enter_async_context(world.node(ORIGINATOR, folder / "out.db", bus))
        reader, _ = await stack.enter_async_context(world.node(READER, folder / "in.db", bus))
        await sender.subscriber.start()
        await reader.subscriber.start()

        async def run(times: int, size: int) -> dict[str, float]:
            chosen = [[next(drafts) for _ in range(size)] for _ in range(times)]
            return await _steps(intake, sender, reader, chosen)

        await run(WARM, 1)
        singles, batches = [], []
        for _ in range(ROUNDS):
            singles.append(await run(alone, 1))
            batches.append(await run(BATCHES, together))
    return singles, batches


async def _steps(
    intake: Publisher, sender: OpenNode, reader: OpenNode, parts: Sequence[Sequence[Draft]]
) -> dict[str, float]:
    """CPU seconds of each step for each report, if each of `parts` is accepted together."""
    watches = {step: Stopwatch() for step in STEPS}
    for part in parts:
        with watches["accept"].running():
            await intake.accept(part, actor=ACTOR)
        with watches["seal_send"].running():
            await sender.relay.step()
        for step, node in (("own_read_back", sender), ("read", reader)):
            read = 0
            while read < len(part):
                with watches[step].running():
                    new = await node.subscriber.step(0)
                read += new
                if not new:
                    raise AssertionError("the log does not have every record")
    count = sum(map(len, parts))
    return {step: watch.cpu / count for step, watch in watches.items()}
