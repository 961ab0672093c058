"""The log port on Apache Kafka: several readers, one producer and one client for metadata.

Rules. Every wait has a deadline, because the library's own waits can last for ever. A client that failed is abandoned
and replaced: the outbox has the bytes, the store has the positions. Each reader has at most `TOPICS_IN_READER_MAX`
topics, because the cost of one fetch of the library grows with the topics of its client. A reader that fails over one
of several topics is divided into two, until the topic at fault is alone and the others continue.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Final

from broker.fault_news import FaultNews
from broker.kafka.client import Address
from broker.kafka.consumer import Consumer
from broker.kafka.metadata import Metadata
from broker.kafka.producer import Producer
from broker.kafka.provision import check, provision
from broker.kafka.reader import Reader
from broker.log import (
    FETCH_SIZE_BYTES_MAX,
    Bounds,
    Drift,
    Fault,
    Fetched,
    LogUnavailable,
    Provisioned,
    TopicMissing,
    TopicSpec,
    check_values,
)

TOPICS_IN_READER_MAX: Final = 50  # 600 topics need a fifth of the processor time that one client for all needs
LOOK_SECONDS: Final = 4.0  # the greatest age of the list of topics: reading a deleted topic raises no error
APPEND_SECONDS_MAX: Final = 5.0  # a broker killed under load paused a producer for 3.5 s


class KafkaLog:
    """`broker.log.Log` on the cluster at `address`. Each client is opened on first use."""

    def __init__(self, address: Address, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._address = address
        self._monotonic = monotonic
        self._readers: list[Reader] = []
        self._producer: Producer | None = None
        self._metadata = Metadata(address, self._end, monotonic)
        self._starting = asyncio.Lock()
        self._turn = ""
        self._news = FaultNews()
        self._closing = asyncio.Event()
        self._ending: set[asyncio.Task[None]] = set()

    async def append(self, topic: str, values: Sequence[bytes]) -> int:
        """Return when every in-sync replica has acknowledged the values."""
        check_values(values)
        if topic not in self._metadata.known and topic not in await self.topics():
            raise TopicMissing(topic)
        producer = await self._started_producer()
        try:
            return await producer.append(topic, values, APPEND_SECONDS_MAX)
        except LogUnavailable:
            self._abandon_producer(producer)
            self._metadata.forget()
            raise

    async def _started_producer(self) -> Producer:
        async with self._starting:
            if self._producer is None:
                producer = Producer(self._address)
                await producer.start()
                self._producer = producer
            return self._producer

    def _abandon_producer(self, producer: Producer) -> None:
        """After some failures a producer never works again, although the library reports no error."""
        if self._producer is producer:
            self._producer = None
            self._end(producer.close())

    async def fetch(self, positions: Mapping[str, int], *, records_max: int, wait_seconds: float) -> list[Fetched]:
        """Return what the readers have buffered, or wait until the first of them receives something."""
        until = self._monotonic() + wait_seconds
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            while not self._closing.is_set():
                if self._metadata.age >= LOOK_SECONDS:
                    await self.topics()
                await self._follow(positions)
                fetched = self._collect(positions, records_max)
                left = until - self._monotonic()
                if self._news.is_news(fetched, positions) or left <= 0:
                    return fetched
                pumps = [pump for reader in self._readers if (pump := reader.pump()) is not None]
                seconds = min(left, LOOK_SECONDS)
                await asyncio.wait([closing, *pumps], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        except LogUnavailable:
            self._abandon_readers()
            raise
        finally:
            closing.cancel()
        return []

    async def _follow(self, positions: Mapping[str, int]) -> None:
        """Adjust the readers to `positions`: divide failed readers, add new topics, seek, pause the others."""
        for reader in self._readers:
            reader.check()
            if reader.away is not None:
                raise reader.away
        for reader in [reader for reader in self._readers if reader.broken]:
            await self._divide(reader)
        existing = {topic: position for topic, position in positions.items() if topic in self._metadata.known}
        for reader in self._readers:
            reader.keep_only(self._metadata.known)
        read = {topic for reader in self._readers for topic in reader.topics}
        new = [topic for topic in existing if topic not in read]
        for reader in self._readers:
            room = 0 if reader.is_alone else TOPICS_IN_READER_MAX - len(reader.topics)
            taken, new = new[:room], new[room:]
            reader.follow({topic: existing[topic] for topic in (*reader.topics, *taken) if topic in existing})
        for start in range(0, len(new), TOPICS_IN_READER_MAX):
            await self._add_reader({topic: existing[topic] for topic in new[start : start + TOPICS_IN_READER_MAX]})

    async def _add_reader(self, positions: Mapping[str, int], *, is_alone: bool = False) -> None:
        consumer = Consumer(self._address)
        await consumer.start()
        reader = Reader(consumer, is_alone=is_alone)
        self._readers.append(reader)
        reader.follow(positions)

    async def _divide(self, reader: Reader) -> None:
        """Replace a failed reader by two with half of its topics each. Its buffered records are fetched again."""
        positions = reader.positions
        topics = list(positions)
        self._readers.remove(reader)
        self._end(reader.close())
        for half in (topics[: len(topics) // 2], topics[len(topics) // 2 :]):
            await self._add_reader({topic: positions[topic] for topic in half}, is_alone=True)

    def _collect(self, positions: Mapping[str, int], records_max: int) -> list[Fetched]:
        fetched: list[Fetched] = []
        by_topic = {topic: reader for reader in self._readers for topic in reader.topics}
        records_left, bytes_left = records_max, FETCH_SIZE_BYTES_MAX
        for topic in self._in_turn(positions):
            if topic not in self._metadata.known:
                fetched.append(Fetched(topic=topic, entries=(), fault=Fault.MISSING))
            elif (reader := by_topic.get(topic)) is not None:
                entries, fault, after = reader.take(topic, records_left, bytes_left)
                if entries:
                    records_left -= len(entries)
                    bytes_left -= sum(len(entry.value or b"") for entry in entries)
                    self._turn = topic
                if entries or fault or after is not None:
                    fetched.append(Fetched(topic=topic, entries=tuple(entries), fault=fault, after=after))
        return fetched

    def _in_turn(self, positions: Mapping[str, int]) -> list[str]:
        """Start after the topic that the last answer ended with, so that no topic starves another."""
        topics = list(positions)
        start = topics.index(self._turn) + 1 if self._turn in positions else 0
        return topics[start:] + topics[:start]

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Ask on a separate connection, so that the answer does not depend on a reader that is stuck."""
        return await self._metadata.bounds(topics)

    async def topics(self) -> frozenset[str]:
        """Ask the cluster; the list that is already known is not used."""
        return await self._metadata.topics()

    async def provision(self, specs: Sequence[TopicSpec]) -> Provisioned:
        """Create topics of one partition and set every setting. An existing topic keeps its records and replicas."""
        done = await provision(self._address, specs)
        self._metadata.forget()
        return done

    async def check(self, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
        """Compare effective settings, partitions and replicas with the specification."""
        return await check(self._address, specs)

    async def close(self) -> None:
        """Close all clients at the same time; each has its own deadline."""
        self._closing.set()
        self._abandon_readers()
        if self._producer is not None:
            self._abandon_producer(self._producer)
        self._metadata.close()
        while self._ending:
            await asyncio.wait(self._ending)

    def _abandon_readers(self) -> None:
        """After an outage start with new clients, as brokers may have new addresses."""
        readers, self._readers = self._readers, []
        for reader in readers:
            self._end(reader.close())

    def _end(self, closing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(closing)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
