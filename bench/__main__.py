"""`make bench` measures, prints a table and writes build/bench.json. `python -m bench PART …` runs only these parts.

Parts: throughput, one_report, scale, latency, latency_kafka, sustained, memory, processes, partitions, check,
streams, large, gateway.
BENCH_MESSAGES sets the number of messages in a round of throughput; the sizes of the other parts follow from it.
BENCH_BUS is the bus of latency and partitions (default: an embedded log), and of latency_kafka and sustained (default:
a broker that they start). BENCH_IDENTIFIERS is the number of identifiers of check and large.
"""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import (
    buses,
    checks,
    compare,
    gateway,
    gateway_streams,
    large,
    latency,
    material,
    memory,
    one_report,
    partitions,
    processes,
    scale,
    sustained,
)
from bench.enlace import ITEMS_WARM
from bench.figures import MESSAGES, Figures, number

ONE_BY_ONE_SHARE: Final = 8  # this fraction of the messages: a transaction for each message takes longer


def _throughput(folder: Path, figures: Figures, messages: int) -> None:
    world = material.world(folder / "world")
    drafts = material.drafts(ITEMS_WARM + messages)
    asyncio.run(compare.throughput(world, folder, drafts, figures))
    few = drafts[: ITEMS_WARM + max(1, messages // ONE_BY_ONE_SHARE)]
    asyncio.run(compare.one_by_one(world, folder, few, figures))


def _latency(folder: Path, figures: Figures, messages: int) -> None:
    latency.measure(folder, figures, messages=messages, bus=os.environ.get("BENCH_BUS"))


def _latency_kafka(folder: Path, figures: Figures, messages: int) -> None:
    if "latency_p50_ms_kafka_100" in figures.by_name:  # `latency` measured it, as BENCH_BUS says
        return
    with buses.kafka(folder / "kafka") as bus:
        if bus is not None:
            latency.measure(folder, figures, messages=messages, bus=bus)


def _partitions(folder: Path, figures: Figures, messages: int) -> None:
    partitions.measure(folder, figures, messages, os.environ.get("BENCH_BUS"))


PARTS: Final[dict[str, Callable[[Path, Figures, int], None]]] = {
    "throughput": _throughput,
    "one_report": one_report.measure,
    "scale": scale.measure,
    "latency": _latency,
    "latency_kafka": _latency_kafka,
    "sustained": sustained.measure,
    "memory": memory.measure,
    "processes": processes.measure,
    "partitions": _partitions,
    "check": checks.measure,
    "streams": gateway_streams.measure,
    "large": large.measure,
    "gateway": gateway.measure,
}


def main(chosen: list[str]) -> int:
    """Run the chosen parts, or all if none is chosen."""
    if unknown := [name for name in chosen if name not in PARTS]:
        print(f"there is no part {unknown[0]}; the parts are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    figures, messages = Figures(), number("BENCH_MESSAGES", MESSAGES)
    base = Path(tempfile.mkdtemp(prefix="enlace-bench-"))
    try:
        for name in chosen or PARTS:
            begun = time.monotonic()
            folder = base / name
            folder.mkdir()
            PARTS[name](folder, figures, messages)
            shutil.rmtree(folder)
            print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    print(figures.table())
    figures.write()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
