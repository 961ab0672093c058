"""The log port on Apache Kafka: many readers, one producer, one desk for questions, each replaced when it fails.

Rules. Every wait has a bound, as the library's own can last for ever. A client that failed is left behind and made
anew: the outbox has the bytes, the store has the positions. Topics are divided over readers of `TOPICS_IN_READER_MAX`,
as a fetch of the library costs by the number of topics that its client has. What cannot be read is isolated in a
reader of its own by halving, so that the other topics go on.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Final

from broker.kafka.clients import Address, Consumer, Producer
from broker.kafka.metadata import Desk
from broker.kafka.provision import check, provision
from broker.kafka.reader import Reader
from broker.log import (
    FETCH_SIZE_BYTES_MAX,
    Bounds,
    Drift,
    Fault,
    FaultNews,
    Fetched,
    LogUnavailable,
    Provisioned,
    TopicMissing,
    TopicSpec,
    check_values,
)

TOPICS_IN_READER_MAX: Final = 50  # 600 topics in clients of 50 cost a fifth of what they cost in one
LOOK_SECONDS: Final = 4.0  # how old the list of topics may be for a reader: a deleted topic gives no error
APPEND_SECONDS_MAX: Final = 5.0  # a broker killed under load paused a producer for 3.5 s


class KafkaLog:
    """`broker.log.Log` on the cluster at `address`. Nothing is opened before it is needed."""

    def __init__(self, address: Address, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._address = address
        self._monotonic = monotonic
        self._readers: list[Reader] = []
        self._producer: Producer | None = None
        self._desk = Desk(address, self._end, monotonic)
        self._starting = asyncio.Lock()
        self._turn = ""
        self._news = FaultNews()
        self._closing = asyncio.Event()
        self._ending: set[asyncio.Task[None]] = set()

    async def append(self, topic: str, values: Sequence[bytes]) -> int:
        """Acknowledged by every in-sync replica."""
        check_values(values)
        if topic not in self._desk.known and topic not in await self.topics():
            raise TopicMissing(topic)
        producer = await self._started_producer()
        try:
            return await producer.append(topic, values, APPEND_SECONDS_MAX)
        except LogUnavailable:
            self._abandon_producer(producer)
            self._desk.forget()
            raise

    async def _started_producer(self) -> Producer:
        async with self._starting:
            if self._producer is None:
                producer = Producer(self._address)
                await producer.start()
                self._producer = producer
            return self._producer

    def _abandon_producer(self, producer: Producer) -> None:
        """After a failure a producer may stay dead, whatever the library says."""
        if self._producer is producer:
            self._producer = None
            self._end(producer.close())

    async def fetch(self, positions: Mapping[str, int], *, records_max: int, wait_seconds: float) -> list[Fetched]:
        """From what the readers have; waits for the first of them to get something."""
        until = self._monotonic() + wait_seconds
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            while not self._closing.is_set():
                if self._desk.age >= LOOK_SECONDS:
                    await self.topics()
                await self._follow(positions)
                fetched = self._collect(positions, records_max)
                left = until - self._monotonic()
                if self._news.is_news(fetched, positions) or left <= 0:
                    return fetched
                pumps = [pump for reader in self._readers if (pump := reader.pump()) is not None]
                await asyncio.wait(
                    [closing, *pumps], timeout=min(left, LOOK_SECONDS), return_when=asyncio.FIRST_COMPLETED
                )
        except LogUnavailable:
            self._abandon_readers()
            raise
        finally:
            closing.cancel()
        return []

    async def _follow(self, positions: Mapping[str, int]) -> None:
        """Bring the readers in line with what is asked: new topics, other positions, what came apart."""
        for reader in self._readers:
            reader.check()
            if reader.away is not None:
                raise reader.away
        for reader in [one for one in self._readers if one.broken]:
            await self._divide(reader)
        there = {topic: position for topic, position in positions.items() if topic in self._desk.known}
        for reader in self._readers:
            reader.keep_only(self._desk.known)
        read = {topic for reader in self._readers for topic in reader.topics}
        new = [topic for topic in there if topic not in read]
        for reader in self._readers:
            room = 0 if reader.is_alone else TOPICS_IN_READER_MAX - len(reader.topics)
            taken, new = new[:room], new[room:]
            reader.follow({topic: there[topic] for topic in (*reader.topics, *taken) if topic in there})
        while new:
            await self._add_reader({topic: there[topic] for topic in new[:TOPICS_IN_READER_MAX]})
            new = new[TOPICS_IN_READER_MAX:]

    async def _add_reader(self, positions: Mapping[str, int], *, is_alone: bool = False) -> None:
        consumer = Consumer(self._address)
        await consumer.start()
        reader = Reader(consumer, is_alone=is_alone)
        self._readers.append(reader)
        reader.follow(positions)

    async def _divide(self, reader: Reader) -> None:
        """Two readers in the place of one that came apart; what it had is read again."""
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
            if topic not in self._desk.known:
                fetched.append(Fetched(topic=topic, entries=(), fault=Fault.MISSING))
            elif (reader := by_topic.get(topic)) is not None:
                entries, fault = reader.take(topic, records_left, bytes_left)
                if entries:
                    records_left -= len(entries)
                    bytes_left -= sum(len(entry.value or b"") for entry in entries)
                    self._turn = topic
                if entries or fault:
                    fetched.append(Fetched(topic=topic, entries=tuple(entries), fault=fault))
        return fetched

    def _in_turn(self, positions: Mapping[str, int]) -> list[str]:
        """When an answer is full, the next one begins with the topics behind, so that none starves another."""
        topics = list(positions)
        start = topics.index(self._turn) + 1 if self._turn in positions else 0
        return topics[start:] + topics[:start]

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """On a connection of its own, so that a reader that is stuck shows."""
        return await self._desk.bounds(topics)

    async def topics(self) -> frozenset[str]:
        """The cluster's metadata, asked anew."""
        return await self._desk.topics()

    async def provision(self, specs: Sequence[TopicSpec]) -> Provisioned:
        """Topics of one partition with every setting said; what exists keeps its records and its replicas."""
        done = await provision(self._address, specs)
        self._desk.forget()
        return done

    async def check(self, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
        """Settings in effect, partitions and replicas against the specification."""
        return await check(self._address, specs)

    async def close(self) -> None:
        """Everything at once; each client has its own bound."""
        self._closing.set()
        self._abandon_readers()
        if self._producer is not None:
            self._abandon_producer(self._producer)
        self._desk.close()
        while self._ending:
            await asyncio.wait(self._ending)

    def _abandon_readers(self) -> None:
        """A cluster that was away gets new clients: brokers may have moved."""
        readers, self._readers = self._readers, []
        for reader in readers:
            self._end(reader.close())

    def _end(self, closing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(closing)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
