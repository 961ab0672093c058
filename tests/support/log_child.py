"""A program for the contract tests that appends to a topic or reads it.

python -m tests.support.log_child append URL TOPIC NAME COUNT    append NAME:0, NAME:1, … in calls of 1 to 3 values
python -m tests.support.log_child read URL TOPIC COUNT           print COUNT values from the beginning, one on each line
"""

import asyncio
import sys
from pathlib import Path

from broker.bus import open_log
from tests.support.logs import read_all


async def append(url: str, topic: str, name: str, count: int) -> None:
    """Append, and print after each call how many values are acknowledged."""
    log = open_log(url, Path())
    done = 0
    while done < count:
        values = [f"{name}:{number}".encode() for number in range(done, min(done + 1 + done % 3, count))]
        await log.append(topic, values)
        done += len(values)
        sys.stdout.write(f"{done}\n")
        sys.stdout.flush()
    await log.close()


async def read(url: str, topic: str, count: int) -> None:
    """Read all values, then print them."""
    log = open_log(url, Path())
    for entry in await read_all(log, topic, count):
        sys.stdout.write(f"{(entry.value or b'').decode()}\n")
    await log.close()


if __name__ == "__main__":
    verb, bus, where, *rest = sys.argv[1:]
    asyncio.run(append(bus, where, rest[0], int(rest[1])) if verb == "append" else read(bus, where, int(rest[0])))
