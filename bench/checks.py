"""`check` at a border post: one question at a time, 200 a second, among four million identifiers.

The questions come in an open loop: each has its time, and its latency counts from then, also if the answer before it is
late. Half of them hit. A part of a second before the first counted question warms caches up. Then a file of questions
is answered, 500 in a transaction.

BENCH_IDENTIFIERS sets the number of identifiers; a small run, as tests use, has few.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from bench import databases
from bench.enlace import ITEMS_WARM
from bench.figures import Figures, number, percentile
from bench.large_reports import large_report
from bench.large_rows import Filling
from bench.large_store import cached, fill_database
from node.clock import now_ms
from node.commands.check import check
from node.commands.justification import Justification
from node.database.engine import Store
from node.reports.questions import Question, question_of_text
from node.supervision.start_objects import keep_start_objects

IDENTIFIERS: Final = 4_000_000 if ITEMS_WARM else 400
IDENTIFIERS_IN_MESSAGE: Final = 4
RATE: Final = 200
SECONDS: Final = 20 if ITEMS_WARM else 1
WARM_QUESTIONS: Final = RATE // 2
START_SECONDS: Final = 1.0  # until the time of the first question, as making 4,000 tasks takes a while
TOGETHER: Final = 500
FILE_LINES: Final = 100_000 if ITEMS_WARM else 1_000
WHY: Final = Justification(purpose="CROSS_CHECKING", reason="measurement")
MS: Final = 1_000
READ_BYTES: Final = 16 * 1024 * 1024
TARGET: Final = "below 10"


def measure(folder: Path, figures: Figures, _messages: int) -> None:
    """Measure on SQLite, and on PostgreSQL if a server is installed."""
    del folder
    filling = Filling(messages=number("BENCH_IDENTIFIERS", IDENTIFIERS) // IDENTIFIERS_IN_MESSAGE, now_ms=now_ms())
    file = asyncio.run(cached(filling))
    bring_to_memory(file)
    asyncio.run(_measure(f"sqlite:///{file.absolute()}", "sqlite", filling, figures))
    with databases.postgresql() as url:
        if url is not None:
            asyncio.run(fill_database(url, filling))
            asyncio.run(_measure(url, "postgresql", filling, figures))


def bring_to_memory(file: Path) -> None:
    """Read the file once: a node that answers 200 questions per second has the pages of its store in memory."""
    with file.open("rb", buffering=0) as reader:
        while reader.read(READ_BYTES):
            pass


async def _measure(url: str, name: str, filling: Filling, figures: Figures) -> None:
    os.sync()  # the filling of the store is not measured
    store = await Store.open(url)
    try:
        following = questions(filling.messages)
        keep_start_objects()
        await _at_rate(store, list(islice(following, WARM_QUESTIONS)))
        latencies = await _at_rate(store, list(islice(following, RATE * SECONDS)))
        rate = await _file(store, list(islice(following, FILE_LINES)))
    finally:
        await store.close()
    figures.add(f"check_p50_ms_{name}", "ms", [percentile(latencies, 0.50) * MS])
    figures.add(f"check_p99_ms_{name}", "ms", [percentile(latencies, 0.99) * MS], target=TARGET)
    figures.add(f"check_lines_per_second_{name}", "per second", [rate])


def questions(messages: int) -> Iterator[Question]:
    """Questions about messages far from each other; every second one is about a document that nobody reported."""
    for turn in cycle(range(1, 1_000_000)):
        report = large_report(turn * 7_919 % messages)
        hits = (
            f"BZ:PASSPORT={report.passport}",
            f"PLATE={report.plate}",
            f"PHONE={report.phone}",
            f"NAME={report.name}",
        )
        yield question_of_text(hits[turn % 4])
        yield question_of_text(f"PASSPORT=X{turn:08}")


async def _at_rate(store: Store, questions: list[Question]) -> list[float]:
    """The seconds from the time of each question to its answer."""
    begun = time.perf_counter() + START_SECONDS

    async def ask(turn: int, question: Question) -> float:
        due = begun + turn / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await check(store, [question], why=WHY, actor="bench", now_ms=now_ms())
        return time.perf_counter() - due

    return await asyncio.gather(*(ask(turn, question) for turn, question in enumerate(questions)))


async def _file(store: Store, questions: list[Question]) -> float:
    """Questions per second of a file."""
    begun = time.perf_counter()
    for first in range(0, len(questions), TOGETHER):
        await check(store, questions[first : first + TOGETHER], why=WHY, actor="bench", now_ms=now_ms())
    return len(questions) / (time.perf_counter() - begun)
