"""A store with a million messages and four million identifiers: what it costs to look into it and to add to it.

Receiving is measured in rounds: new and filled stores of one node read the same records in turn. The CPU
time of this process is compared, as other programs use the disk too. On PostgreSQL the server's own time is missing in
that figure.

BENCH_IDENTIFIERS sets the number of identifiers, four in a message; a small run, as tests use, has few.
"""

import asyncio
import shutil
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bench import databases, material
from bench.checks import IDENTIFIERS, IDENTIFIERS_IN_MESSAGE
from bench.enlace import ITEMS_WARM
from bench.figures import Figures, Spent, number, percentile, ratios
from bench.large_reports import large_report
from bench.large_rows import Filling
from bench.large_store import MONTH_MS, cached, fill_database
from bench.material import ACTOR, ORIGINATOR, READER
from node.clock import now_ms
from node.commands.search import search
from node.database.engine import Store
from node.exchange.retry import RECORDS_IN_TRANSACTION_MAX
from node.health.status import look_at
from node.reports.questions import Question
from node.runtime.open_node import OpenNode
from node.store.message_search import Query

ROUNDS: Final = 5 if ITEMS_WARM else 1
TOGETHER: Final = RECORDS_IN_TRANSACTION_MAX if ITEMS_WARM else 4
SEARCHES: Final = 2_000 if ITEMS_WARM else 20
WARM_SEARCHES: Final = 100 if ITEMS_WARM else 2
LOOKS: Final = 5
MS: Final = 1_000


def measure(folder: Path, figures: Figures, _messages: int) -> None:
    """Measure on SQLite, and on PostgreSQL if a server is installed."""
    filling = Filling(
        messages=number("BENCH_IDENTIFIERS", IDENTIFIERS) // IDENTIFIERS_IN_MESSAGE,
        now_ms=now_ms() // MONTH_MS * MONTH_MS,
    )
    shutil.copyfile(asyncio.run(cached(filling)), folder / "filled.db")
    files = [f"sqlite:///{folder / name}.db" for name in ("none", "filled")]
    with databases.postgresql() as url:
        servers = [] if url is None else [url, url.replace("enlace_bench", "enlace_filled")]
        asyncio.run(_measure(folder, files, servers, filling, figures))


async def _measure(
    folder: Path, files: Sequence[str], servers: Sequence[str], filling: Filling, figures: Figures
) -> None:
    """`files` and `servers` are the URLs of a new and of a filled store."""
    await _look(files[1], "sqlite", filling, figures)
    if servers:
        await fill_database(servers[1], filling)
        await _look(servers[1], "postgresql", filling, figures)
    new, filled, *there = await _receive(folder, [*files, *servers])
    _add_cost(figures, "sqlite", new, filled)
    if there:
        _add_cost(figures, "postgresql", *there)
        speed = ratios(new, there[0], lambda spent: spent.wall)
        figures.add("receive_postgresql_over_sqlite", "times", speed, target="at least 0.6")


def _add_cost(figures: Figures, name: str, new: Sequence[Spent], filled: Sequence[Spent]) -> None:
    cost = ratios(filled, new, lambda spent: spent.cpu)
    figures.add(f"cost_1m_stored_over_none_{name}", "times", cost, target="at most 1.10")


async def _look(url: str, name: str, filling: Filling, figures: Figures) -> None:
    """Searches for identifiers that hit, one after the other; then what `status` reads of the store."""
    store = await Store.open(url)
    try:
        seconds = [await _search(store, turn * 7_919 % filling.messages) for turn in range(SEARCHES)][WARM_SEARCHES:]
        looks = []
        for _ in range(LOOKS):
            begun = time.perf_counter()
            await store.read(look_at)
            looks.append((time.perf_counter() - begun) * MS)
    finally:
        await store.close()
    figures.add(f"search_identifier_p99_ms_{name}", "ms", [percentile(seconds, 0.99) * MS], target="below 10")
    figures.add(f"status_ms_1m_{name}", "ms", looks, target="below 100")


async def _search(store: Store, message: int) -> float:
    """The seconds of a search with its entry in the access log."""
    question = Question(scheme="PASSPORT", value=large_report(message).passport, country=None)
    begun = time.perf_counter()
    found = await search(store, Query(identifiers=(question,)), actor=ACTOR)
    if not found:
        raise AssertionError("a message is not found by its identifier")
    return time.perf_counter() - begun


async def _receive(folder: Path, urls: Sequence[str]) -> list[list[Spent]]:
    """The rounds of each store, which reads what was published for the round. The first round warms up."""
    world, spent = material.world(folder / "world"), [list[Spent]() for _ in urls]
    async with world.log(folder / "log.db") as bus, AsyncExitStack() as stack:
        sender, intake = await stack.enter_async_context(world.node(ORIGINATOR, folder / "out.db", bus))
        readers = [await stack.enter_async_context(world.reader(READER, url, bus)) for url in urls]
        for reader in readers:
            await reader.subscriber.start()
        for turn in range(ROUNDS + 1):
            await intake.accept(material.drafts(TOGETHER, first=turn * TOGETHER), actor=ACTOR)
            await sender.relay.step()
            order = list(zip(readers, spent, strict=True))
            for reader, rounds in order if turn % 2 else reversed(order):
                done = await _read(reader)
                if turn:
                    rounds.append(done)
    return spent


async def _read(node: OpenNode) -> Spent:
    """Read to the end of the log."""
    read, wall, cpu = 0, time.perf_counter(), time.process_time()
    while new := await node.subscriber.step(0):
        read += new
    return Spent(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu, items=read)
