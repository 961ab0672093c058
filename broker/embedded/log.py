"""The embedded log: the port on one SQLite file that all node processes of a machine share.

It needs no server. It is meant for one machine: demonstrations, development and the review of a copied log. The SQL is
in `broker.embedded.file`.

Rules. SQLite calls block, so they never run on the event loop. There are two threads with one connection each: one
for `fetch`, which waits there until the data version changes, and one for all other operations, so that an append never
waits for a fetch. Retention and replication are ignored: records stay until an operator truncates the topic.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from broker.embedded.connection import LogConnection
from broker.embedded.file import LogFile
from broker.embedded.reader import LogReader
from broker.fault_news import FaultNews
from broker.log import (
    Bounds,
    Drift,
    Fetched,
    Provisioned,
    TopicSpec,
    check_values,
)

F = TypeVar("F", bound=LogConnection)
R = TypeVar("R")


class _Thread(Generic[F]):
    """One connection and the only thread that uses it."""

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
    """`broker.log.Log` on the file `path`. Only `provision` creates the file."""

    def __init__(self, path: Path, *, immutable: bool = False) -> None:
        """`immutable`: read a file that does not change, and make nothing beside it."""
        self._fetcher = _Thread(LogReader(path, immutable=immutable), "log-fetcher")
        self._caller = _Thread(LogFile(path, immutable=immutable), "log-caller")
        self._news = FaultNews()
        self._stop = threading.Event()

    async def append(self, topic: str, values: Sequence[bytes]) -> int:
        """Write all values in one transaction."""
        check_values(values)
        return await self._caller.run(lambda: self._caller.file.append(topic, values))

    async def fetch(self, positions: Mapping[str, int], *, records_max: int, wait_seconds: float) -> list[Fetched]:
        """As the port says. It wakes within `POLL_SECONDS_MAX` of a commit by any process."""
        asked = dict(positions)
        until = time.monotonic() + wait_seconds
        self._stop = stop = threading.Event()
        file = self._fetcher.file
        try:
            while True:
                version, fetched = await self._fetcher.run(lambda: file.read(asked, records_max, stop))
                if self._news.is_news(fetched, asked) or time.monotonic() >= until or stop.is_set():
                    return fetched
                await self._fetcher.run(partial(file.wait, version, until, stop))
                if stop.is_set():
                    return []
        finally:
            stop.set()  # otherwise the wait of a cancelled fetch would keep the thread busy

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Beginning and end of each topic that exists, all read at the same moment."""
        return await self._caller.run(lambda: self._caller.file.bounds(topics))

    async def topics(self) -> frozenset[str]:
        """The names of all topics."""
        return await self._caller.run(self._caller.file.topics)

    async def provision(self, specs: Sequence[TopicSpec]) -> Provisioned:
        """Create the file and missing topics. Topics have no settings here, so none are changed."""
        created = await self._caller.run(lambda: self._caller.file.create([spec.topic for spec in specs]))
        return Provisioned(created=created, changed=())

    async def check(self, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
        """The topics that are missing."""
        existing = await self.bounds([spec.topic for spec in specs])
        missing = [spec.topic for spec in specs if spec.topic not in existing]
        return tuple(Drift(topic=topic, setting="topic", expected="present", found="missing") for topic in missing)

    async def close(self) -> None:
        """End a waiting fetch, then both connections and threads."""
        self._stop.set()
        await self._fetcher.close()
        await self._caller.close()

    async def truncate_before(self, topic: str, position: int) -> None:
        """For operators and tests: remove the records before `position`, at most all. Positions are not reused."""
        await self._caller.run(lambda: self._caller.file.truncate_before(topic, position))

    async def delete_topic(self, topic: str) -> None:
        """For operators and tests: remove the topic. If it is created again, it starts at position 0."""
        await self._caller.run(lambda: self._caller.file.delete(topic))

    async def append_foreign(self, topic: str, values: Sequence[bytes | None]) -> int:
        """For tests: write without the checks of `append`, as a foreign program could."""
        return await self._caller.run(lambda: self._caller.file.append(topic, values))
