"""A thousand open streams of the gateway: what each takes, and how long the last one waits for a message.

A node of a practice exchange runs its gateway as a process. This process opens the streams, adds a message to the
store, and waits until every stream has its event, with its entry in the access log. BENCH_STREAMS sets the number of
streams.
"""

import asyncio
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from bench.enlace import ITEMS_WARM
from bench.figures import Figures, number
from bench.large_rows import Filling
from bench.large_store import fill
from node.clock import now_ms
from node.database.engine import Store, Transaction
from node.database.record_tables import message
from node.database.statements import insert_rows
from node.system_random import random_bytes

STREAMS: Final = 1_000 if ITEMS_WARM else 20
ROUNDS: Final = 5 if ITEMS_WARM else 2
MESSAGES: Final = 240
PORT: Final = 18_445
DESCRIPTORS: Final = 8_192
SECONDS_MAX: Final = 120.0
KIB: Final = 1_024
ENLACE: Final = (sys.executable, "-m", "node.cli.start")
GATEWAY: Final = f"""
[gateway]
listen = "127.0.0.1:{PORT}"
connections_max = 4000
"""


def measure(folder: Path, figures: Figures, _messages: int) -> None:
    """Measure on an embedded store."""
    home, token = _home(folder)
    asyncio.run(_fill(home))
    _raise_descriptors()
    with _gateway(home) as pid:
        asyncio.run(_measure(home, token, pid, figures))


def _home(folder: Path) -> tuple[Path, str]:
    agreements = folder / "agreements"
    agreements.mkdir()
    _enlace("lab", folder / "play", "--nodes", "BZ,GT", "--agreements", agreements)
    home = folder / "play" / "bz"
    with (home / "node.toml").open("a") as file:
        file.write(GATEWAY)
    answer = _enlace("token", "create", "--name", "bench", "--scope", "read", "--home", home, "--json")
    return home, str(json.loads(answer)["token"])


async def _fill(home: Path) -> None:
    store = await Store.open(f"sqlite:///{home / 'store.db'}")
    try:
        await fill(store, Filling(messages=MESSAGES, now_ms=now_ms()))
    finally:
        await store.close()


def _enlace(*arguments: object) -> str:
    done = subprocess.run([*ENLACE, *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout


def _raise_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, DESCRIPTORS)), hard))


@contextmanager
def _gateway(home: Path) -> Iterator[int]:
    process = subprocess.Popen(
        [*ENLACE, "gateway", "run", "--home", str(home)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        if process.stdout is None or not process.stdout.readline():
            raise AssertionError("the gateway did not start")
        yield process.pid
    finally:
        process.terminate()
        process.wait()


async def _measure(home: Path, token: str, pid: int, figures: Figures) -> None:
    streams = number("BENCH_STREAMS", STREAMS)
    # The modules that the first stream loads are not part of the cost of the others.
    readers = [await _open(token)]
    before = _memory_kib(pid)
    readers += [await _open(token) for _ in range(streams - 1)]
    kib = (_memory_kib(pid) - before) / max(1, streams - 1)
    store = await Store.open(f"sqlite:///{home / 'store.db'}")
    waits = []
    try:
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            await store.write(_add_message)
            async with asyncio.timeout(SECONDS_MAX):
                await asyncio.gather(*(reader.readuntil(b"\ndata: ") for reader, _ in readers))
            waits.append((time.perf_counter() - begun) * 1_000)
    finally:
        await store.close()
        for _, writer in readers:
            writer.close()
    figures.add("gateway_streams_open", "streams", [float(streams)], target="1,000")
    figures.add("gateway_streams_kib_each", "KiB", [kib])
    figures.add("gateway_streams_last_ms", "ms", waits)


async def _open(token: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    head = (
        f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nAuthorization: Bearer {token}\r\n"
        "Enlace-Purpose: INFORMATION_EXCHANGE\r\nEnlace-Reason: measurement\r\n\r\n"
    )
    writer.write(head.encode())
    async with asyncio.timeout(SECONDS_MAX):
        status = await reader.readline()
        if b" 200 " not in status:
            raise AssertionError(status.decode())
        await reader.readuntil(b"retry: ")
    return reader, writer


def _memory_kib(pid: int) -> int:
    found = re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def _add_message(db: Transaction) -> None:
    """One more message: a copy of the newest with an id of its own."""
    last = db.scalar(select(func.max(message.c.id)))
    row = db.execute(select(message).where(message.c.id == last)).mappings().one()
    names = tuple(column.name for column in message.columns)
    values = {**row, "id": int(row["id"]) + 1, "message_id": random_bytes(16), "sequence": int(row["sequence"]) + 1}
    insert_rows(db, message, names, [tuple(values[name] for name in names)])
