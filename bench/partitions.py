"""CPU time and latency of a reader with few and with many partitions, at 100 records per second.

The reader is another process that only fetches; this process appends to the topics in turn. BENCH_BUS is the bus
(default: an embedded log). `python -m bench.partitions BUS COUNT TOPIC…` is the reader: it prints `ready`, and at the
end its CPU seconds, its elapsed seconds and the seconds from append to fetch of each record, as JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from bench.figures import Figures, percentile
from bench.latency import MS, SECONDS_MAX, WARM_SHARE, at_rate
from broker.bus import KAFKA, open_log
from broker.log import TopicSpec

RATE: Final = 100
SECONDS: Final = 10
PARTITIONS: Final = (10, 600)
NANOSECONDS: Final = 1_000_000_000
VALUE_SIZE_BYTES: Final = 2_200


def measure(folder: Path, figures: Figures, messages: int, bus: str | None) -> None:
    """For each number of partitions: CPU of the reader in per cent of a core, p50 and p99 of the latency."""
    url = bus or f"sqlite:///{folder / 'log.db'}"
    name = "kafka" if url.startswith(KAFKA) else "embedded"
    count = min(messages, RATE * SECONDS)
    for partitions in PARTITIONS:
        topics = [f"partitions{partitions}.n{number:03}" for number in range(partitions)]
        cpu, seconds, found = asyncio.run(_run(url, folder, topics, count))
        counted = found[len(found) // WARM_SHARE :]
        figures.add(f"reader_cpu_percent_{name}_{partitions}", "%", [cpu / seconds * 100])
        for share in (50, 99):
            figures.add(f"reader_p{share}_ms_{name}_{partitions}", "ms", [percentile(counted, share / 100) * MS])


async def _run(url: str, folder: Path, topics: list[str], count: int) -> tuple[float, float, list[float]]:
    bus = open_log(url, folder)
    try:
        await bus.provision([TopicSpec(topic=topic, replication=1, retention_days=1) for topic in topics])
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.partitions", url, str(count), *topics), stdout=subprocess.PIPE
        )
        if child.stdout is None or (await child.stdout.readline()).strip() != b"ready":
            raise AssertionError("the reader did not start")

        async def send(chosen: range) -> None:
            for number in chosen:
                now = time.time_ns().to_bytes(8, "big")
                await bus.append(topics[number % len(topics)], [now.ljust(VALUE_SIZE_BYTES, b"x")])

        await at_rate(RATE, count, send)
        out, _ = await asyncio.wait_for(child.communicate(), SECONDS_MAX)
    finally:
        await bus.close()
    answer = json.loads(out)
    return answer["cpu"], answer["seconds"], answer["latencies"]


async def read(url: str, count: int, topics: list[str]) -> dict[str, object]:
    """Read `count` records; return CPU seconds, elapsed seconds and latencies."""
    bus = open_log(url, Path())
    positions, found = dict.fromkeys(topics, 0), list[float]()
    try:
        await bus.fetch(positions, records_max=500, wait_seconds=1)  # its clients start with the first fetch
        print("ready", flush=True)
        cpu, begun = time.process_time(), time.monotonic()
        while len(found) < count:
            for fetched in await bus.fetch(positions, records_max=500, wait_seconds=1):
                now = time.time_ns()
                sent = [int.from_bytes((entry.value or b"")[:8], "big") for entry in fetched.entries]
                found += [(now - appended_at) / NANOSECONDS for appended_at in sent]
                if fetched.entries:
                    positions[fetched.topic] = fetched.entries[-1].position + 1
        spent = {"cpu": time.process_time() - cpu, "seconds": time.monotonic() - begun}
    finally:
        await bus.close()
    return {**spent, "latencies": found}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(read(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))))
