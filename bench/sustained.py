"""Whether a pair of nodes keeps up with 1,000 reports per second for a minute on this machine, over Kafka.

The processes are those of latency.py. `latency_keeps_up_…` is the time of publishing divided by the time until the
last message is stored at the reader: 1 if the exchange keeps up, less if a queue grew. BENCH_SUSTAINED_SECONDS sets the
time of publishing.
"""

import asyncio
from pathlib import Path
from typing import Final

from bench import buses, material
from bench.figures import Figures, number, percentile
from bench.latency import MS, WARM_SHARE, exchange, provision

RATE: Final = 1_000
SECONDS: Final = 60
MESSAGES_FACTOR: Final = 30  # times the messages of a round of throughput, at most
TARGETS: Final = {50: "", 99: "at most 150"}


def measure(folder: Path, figures: Figures, messages: int) -> None:
    """Publish for a minute, and measure until the last message is stored."""
    with buses.kafka(folder / "kafka") as bus:
        if bus is None:
            return
        world = material.world(folder / "world", bus=bus)
        asyncio.run(provision(world, folder))
        count = min(messages * MESSAGES_FACTOR, RATE * number("BENCH_SUSTAINED_SECONDS", SECONDS))
        found = exchange(world, RATE, count)
    counted = found.latencies[count // WARM_SHARE :]
    kept = min(1.0, count / RATE / found.seconds)
    figures.add("latency_keeps_up_kafka_1000", "times", [kept], target="at least 0.99")
    for share, target in TARGETS.items():
        name = f"latency_sustained_p{share}_ms_kafka_1000"
        figures.add(name, "ms", [percentile(counted, share / 100) * MS], target=target)
