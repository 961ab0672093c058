"""The implementations of the log that the contract tests check. A new one needs an entry in `IMPLEMENTATIONS`.

Each is an async context manager that takes a folder of the test and gives a `Harness`. That opens logs, and does what
only an operator or a foreign client can do to the bus.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from broker.bus import open_log
from broker.embedded.log import EmbeddedLog
from broker.log import Entry, Log, TopicSpec
from tests.support import clusters, stranger

DEADLINE_SECONDS = 60.0


class Harness(Protocol):
    """The bus of a test."""

    url: str

    def open(self) -> Log:
        """Another log object on this bus. It is closed when the test ends."""
        ...

    def topic(self, name: str) -> str:
        """A topic name that no other test uses."""
        ...

    async def write_foreign(self, topic: str, values: Sequence[bytes | None]) -> None:
        """Append values without our checks, as a foreign client could."""
        ...

    async def truncate_before(self, topic: str, position: int) -> None:
        """Remove the records before `position`, as retention does."""
        ...

    async def delete_topic(self, topic: str) -> None:
        """Delete the topic, which an operator should not do."""
        ...


def spec(topic: str) -> TopicSpec:
    """The specification of a topic for tests."""
    return TopicSpec(topic=topic, replication=1, retention_days=30)


async def read_all(log: Log, topic: str, count: int, *, position: int = 0) -> list[Entry]:
    """Read `count` entries from `position` on, within the deadline."""
    entries: list[Entry] = []
    async with asyncio.timeout(DEADLINE_SECONDS):
        while len(entries) < count:
            for fetched in await log.fetch({topic: position}, records_max=1000, wait_seconds=1):
                assert fetched.fault is None
                entries += fetched.entries
                position = entries[-1].position + 1
    return entries


async def child(*arguments: str) -> asyncio.subprocess.Process:
    """A process that runs `tests.support.log_child` and answers on stdout."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.log_child", *arguments, stdout=asyncio.subprocess.PIPE
    )


async def line_of(process: asyncio.subprocess.Process) -> str:
    """The next line that a child prints, within the deadline; "" at its end."""
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), DEADLINE_SECONDS)).decode().strip()


class _Embedded:
    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'log.db'}"
        self._operator = EmbeddedLog(folder / "log.db")
        self._logs: list[Log] = [self._operator]

    def open(self) -> Log:
        self._logs.append(open_log(self.url, Path()))
        return self._logs[-1]

    def topic(self, name: str) -> str:
        return name

    async def write_foreign(self, topic: str, values: Sequence[bytes | None]) -> None:
        await self._operator.append_foreign(topic, values)

    async def truncate_before(self, topic: str, position: int) -> None:
        await self._operator.truncate_before(topic, position)

    async def delete_topic(self, topic: str) -> None:
        await self._operator.delete_topic(topic)

    async def close(self) -> None:
        for log in self._logs:
            await log.close()


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[Harness]:
    """The embedded log on a file in `folder`."""
    harness = _Embedded(folder)
    try:
        yield harness
    finally:
        await harness.close()


class _Kafka:
    """A bus inside a shared cluster. Its topics have a prefix that no other test uses."""

    def __init__(self, bootstrap: str) -> None:
        self.url = f"kafka://{bootstrap}"
        self._bootstrap = bootstrap
        self._prefix = uuid4().hex[:12]
        self._logs: list[Log] = []

    def open(self) -> Log:
        self._logs.append(open_log(self.url, Path()))
        return self._logs[-1]

    def topic(self, name: str) -> str:
        return f"{self._prefix}.{name}"

    async def write_foreign(self, topic: str, values: Sequence[bytes | None]) -> None:
        await stranger.write(self._bootstrap, topic, values)

    async def truncate_before(self, topic: str, position: int) -> None:
        await stranger.truncate_before(self._bootstrap, topic, position)

    async def delete_topic(self, topic: str) -> None:
        await stranger.delete(self._bootstrap, topic)

    async def close(self) -> None:
        for log in self._logs:
            await log.close()


@asynccontextmanager
async def kafka(_: Path) -> AsyncIterator[Harness]:
    """The real Kafka that all tests of this process share."""
    harness = _Kafka(clusters.bootstrap())
    try:
        yield harness
    finally:
        await harness.close()


IMPLEMENTATIONS: dict[str, Callable[[Path], AbstractAsyncContextManager[Harness]]] = {
    "embedded": embedded,
    "kafka": kafka,
}
