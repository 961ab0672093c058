"""The reader of the floor, in its own process: fetch, and one SQLite commit with synchronous=FULL.

`python -m bench.latency_floor BUS FILE COUNT` prints `ready`, and at the end the seconds from append to commit as JSON.
"""

import asyncio
import json
import sqlite3
import sys
import time
from pathlib import Path

from bench.latency import FLOOR_TOPIC
from broker.bus import open_log

NANOSECONDS = 1_000_000_000


async def read(bus_url: str, file: Path, count: int) -> list[float]:
    """The latencies of `count` records, in their order."""
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE record (position INTEGER PRIMARY KEY, value BLOB NOT NULL)")
    bus, found = open_log(bus_url, file.parent), list[float]()
    try:
        position = (await bus.bounds([FLOOR_TOPIC]))[FLOOR_TOPIC].end
        print("ready", flush=True)
        while len(found) < count:
            for fetched in await bus.fetch({FLOOR_TOPIC: position}, records_max=500, wait_seconds=1):
                if not fetched.entries:
                    raise AssertionError(f"the floor cannot be read: {fetched.fault}")
                rows = [(entry.position, entry.value or b"") for entry in fetched.entries]
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT INTO record VALUES (?, ?)", rows)
                connection.execute("COMMIT")
                now = time.time_ns()
                found += [(now - int.from_bytes(value[:8], "big")) / NANOSECONDS for _, value in rows]
                position = rows[-1][0] + 1
    finally:
        await bus.close()
        connection.close()
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(read(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))))
