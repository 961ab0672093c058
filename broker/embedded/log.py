"""The embedded log: the port on one SQLite file that all node processes of a machine share.

No server, nothing to install: for one machine, for demonstrations, development and the review of a copied log. The SQL
is in `broker.embedded.file`.

Rules. SQLite blocks, so no call of it runs on the event loop. Two threads with a connection each: one for `fetch`,
which waits there for the data version to change, one for everything else, so that an append never queues behind a
reader's wait. Retention and replication mean nothing here: records stay until an operator truncates.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from broker.embedded.file import LogFile
from broker.embedded.reader import LogReader
from broker.log import (
    Bounds,
    Drift,
    FaultNews,
    Fetched,
    Provisioned,
    TopicSpec,
    check_values,
)

F = TypeVar("F", bound=LogFile)
R = TypeVar("R")


class _Thread(Generic[F]):
    """One connection and the only thread that touches it."""

    def __init__(self, file: F, name: str) -> None:
        self.file = file
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._closed = False

    async def run(self, call: Callable[[], R]) -> R:
        if self._closed:
            raise RuntimeError("the log is closed")
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._executor, self.file.close)
            self._executor.shutdown()


class EmbeddedLog:
    """`broker.log.Log` on the file `path`; `provision` makes the file, no other call does."""

    def __init__(self, path: Path) -> None:
        self._reader = _Thread(LogReader(path), "log-reader")
        self._desk = _Thread(LogFile(path), "log-desk")
        self._news = FaultNews()
        self._stop = threading.Event()

    async def append(self, topic: str, values: Sequence[bytes]) -> int:
        """All values in one transaction."""
        check_values(values)
        return await self._desk.run(lambda: self._desk.file.append(topic, values))

    async def fetch(self, positions: Mapping[str, int], *, records_max: int, wait_seconds: float) -> list[Fetched]:
        """Wakes within `POLL_SECONDS` of a commit by whatever process."""
        asked = dict(positions)
        until = time.monotonic() + wait_seconds
        self._stop = stop = threading.Event()
        file = self._reader.file
        try:
            while True:
                version, fetched = await self._reader.run(lambda: file.read(asked, records_max))
                if self._news.is_news(fetched, asked) or time.monotonic() >= until or stop.is_set():
                    return fetched
                await self._reader.run(partial(file.wait, version, until, stop))
                if stop.is_set():
                    return []
        finally:
            stop.set()  # a cancelled fetch must not leave its wait in the thread

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Of one moment for all topics."""
        return await self._desk.run(lambda: self._desk.file.bounds(topics))

    async def topics(self) -> frozenset[str]:
        """The names in table topic."""
        return await self._desk.run(self._desk.file.topics)

    async def provision(self, specs: Sequence[TopicSpec]) -> Provisioned:
        """Makes the file and its topics; there are no settings to change."""
        created = await self._desk.run(lambda: self._desk.file.create([spec.topic for spec in specs]))
        return Provisioned(created=created, changed=())

    async def check(self, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
        """Topics that are missing."""
        found = await self.topics()
        missing = [spec.topic for spec in specs if spec.topic not in found]
        return tuple(Drift(topic=topic, setting="topic", expected="present", found="missing") for topic in missing)

    async def close(self) -> None:
        """Ends a waiting fetch, then both connections and threads."""
        self._stop.set()
        await self._reader.close()
        await self._desk.close()

    async def truncate_before(self, topic: str, position: int) -> None:
        """For operators and tests: drop the records before `position`, at most all. Positions are not used again."""
        await self._desk.run(lambda: self._desk.file.truncate_before(topic, position))

    async def delete_topic(self, topic: str) -> None:
        """For operators and tests: drop the topic; made again, it starts at position 0."""
        await self._desk.run(lambda: self._desk.file.delete(topic))

    async def append_foreign(self, topic: str, values: Sequence[bytes | None]) -> int:
        """For tests: write what a stranger could, without the checks of `append`."""
        return await self._desk.run(lambda: self._desk.file.append(topic, values))
