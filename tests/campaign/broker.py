"""The broker of a campaign: the embedded log behind rules by which it lies, and that an attack adds and removes.

Each node has its own view, so that the broker can lie to one node and not to another.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from broker.embedded.log import EmbeddedLog
from broker.log import Bounds, Drift, Entry, Fetched, LogUnavailable, Provisioned, TopicSpec

Appending = Callable[[str, str, Sequence[bytes]], Sequence[bytes]]
"""(node, topic, values) -> what the log really keeps. May raise LogUnavailable."""

Answering = Callable[[str, Fetched], Fetched | None]
"""(node, answer about one topic) -> what the node gets; None if it gets nothing about the topic."""


@dataclass(slots=True)
class Broker:
    """The log of the exchange. Without rules it is honest."""

    path: Path
    clock: Callable[[], int]
    appending: list[Appending] = field(default_factory=list)
    answering: list[Answering] = field(default_factory=list)
    away_for: set[str] = field(default_factory=set)
    """Nodes for which it does not answer."""

    def view(self, node: str) -> "View":
        """The connection of a node."""
        return View(self, node)

    @contextmanager
    def sql(self) -> Iterator[sqlite3.Connection]:
        """The file itself, which the owner of the machine can change; committed at the end."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            yield connection

    def write(self, topic: str, values: Sequence[bytes | None]) -> None:
        """Append records of anybody who can write to the topic, without a check."""
        with self.sql() as connection:
            end = self.end(connection, topic)
            connection.executemany(
                "INSERT INTO record (topic, position, value, appended_at) VALUES (?, ?, ?, ?)",
                [(topic, position, value, self.clock()) for position, value in enumerate(values, end)],
            )

    def end(self, connection: sqlite3.Connection, topic: str) -> int:
        """The position that the next record of a topic gets."""
        [beginning] = connection.execute("SELECT beginning FROM topic WHERE name = ?", (topic,)).fetchone()
        [last] = connection.execute(
            "SELECT max(position) FROM record WHERE topic = ? AND typeof(position) = 'integer' AND position < ?",
            (topic, 2**53),
        ).fetchone()
        return int(beginning if last is None else max(beginning, last + 1))

    def values(self, topic: str) -> list[bytes]:
        """The records of a topic, in their order."""
        with self.sql() as connection:
            rows = connection.execute("SELECT value FROM record WHERE topic = ? ORDER BY position", (topic,))
            return [value for (value,) in rows if value is not None]

    @contextmanager
    def lying(self, *, appending: Appending | None = None, answering: Answering | None = None) -> Iterator[None]:
        """Follow these rules until the end of the block."""
        self.appending += [appending] if appending else []
        self.answering += [answering] if answering else []
        try:
            yield
        finally:
            if appending:
                self.appending.remove(appending)
            if answering:
                self.answering.remove(answering)


class View:
    """`broker.log.Log` as one node sees it."""

    def __init__(self, broker: Broker, node: str) -> None:
        self._broker = broker
        self._node = node
        self._real = EmbeddedLog(broker.path)

    def _answer(self) -> None:
        if self._node in self._broker.away_for:
            raise LogUnavailable("the broker does not answer")

    async def append(self, topic: str, values: Sequence[bytes]) -> int:
        """Append what the rules leave, and acknowledge everything."""
        self._answer()
        kept = values
        for rule in self._broker.appending:
            kept = rule(self._node, topic, kept)
        if not kept:
            return (await self._real.bounds([topic]))[topic].end + len(values)
        return await self._real.append(topic, kept)

    async def fetch(self, positions: Mapping[str, int], *, records_max: int, wait_seconds: float) -> list[Fetched]:
        """The answer as the rules leave it."""
        self._answer()
        answers: list[Fetched] = []
        for answer in await self._real.fetch(positions, records_max=records_max, wait_seconds=wait_seconds):
            changed: Fetched | None = answer
            for rule in self._broker.answering:
                changed = None if changed is None else rule(self._node, changed)
            answers += [changed] if changed is not None and (changed.entries or changed.fault) else []
        return answers

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Beginning and end of each topic."""
        self._answer()
        return await self._real.bounds(topics)

    async def topics(self) -> frozenset[str]:
        """All topics."""
        self._answer()
        return await self._real.topics()

    async def provision(self, specs: Sequence[TopicSpec]) -> Provisioned:
        """Create what is missing."""
        return await self._real.provision(specs)

    async def check(self, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
        """What differs from `specs`."""
        return await self._real.check(specs)

    async def close(self) -> None:
        """Close the connections."""
        await self._real.close()


def with_values(answer: Fetched, change: Callable[[Entry], bytes | None]) -> Fetched:
    """The answer with other bytes at its positions."""
    return replace(answer, entries=tuple(replace(entry, value=change(entry)) for entry in answer.entries))
