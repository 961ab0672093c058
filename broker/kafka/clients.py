"""The only importer of aiokafka: four small clients with every option said and every error translated.

`broker.kafka.log` makes the port of them. aiokafka's own tests stop at Kafka 2.8.1; what it does with the
Kafka that we ship is shown by ours. Its errors become one of three kinds:

    LogUnavailable   the cluster is away, slow or does not let us: back off, the same call may succeed
    Unreadable       what lies at a position can't be read by this client: corrupt, compressed, hostile
    OutOfRange       positions outside what the log has; Denied: a topic that the broker does not let us read

What is none of these is a bug and goes up as it is. No group, no commit, no reset: positions are the caller's. Our
topics are uncompressed; a compressed batch is foreign, and a small one can expand to gigabytes, so the codecs are
switched off for this process: such a batch is Unreadable before a byte of it is expanded.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiokafka.codec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    CorruptRecordException,
    IllegalStateError,
    KafkaError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnsupportedCodecError,
    for_code,
)

from broker.log import RECORD_SIZE_BYTES_MAX, Bounds, Entry, LogUnavailable

PARTITION: Final = 0  # a topic has one: the order of a stream is the order of its only partition
REQUEST_SECONDS_MAX: Final = 5.0  # one answer of a broker; the library's 40 s outlast a stop
START_SECONDS_MAX: Final = 5.0
CLOSE_SECONDS_MAX: Final = 2.0  # a client that does not end by then is left behind
RETRY_MS: Final = 100
METADATA_AGE_MS_MAX: Final = 60_000
IDLE_MS_MAX: Final = 540_000
FETCH_WAIT_MS: Final = 500  # how long a broker keeps an empty fetch open
FETCH_BYTES_MAX: Final = 4 * 1024 * 1024  # one answer; a hint that a hostile broker ignores
PRODUCER_BATCH_BYTES_MAX: Final = 256 * 1024

for _codec in ("gzip", "snappy", "lz4", "zstd"):
    setattr(aiokafka.codec, f"has_{_codec}", lambda: False)


class Unreadable(Exception):
    """A batch that this client can't read, or a client that has come apart over it."""


class OutOfRange(Exception):
    """Positions below the beginning or above the end."""

    def __init__(self, topics: Collection[str]) -> None:
        super().__init__(", ".join(topics))
        self.topics = tuple(topics)


class Denied(Exception):
    """The broker does not let this node read a topic."""

    def __init__(self, topic: str) -> None:
        super().__init__(topic)
        self.topic = topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the cluster is, and how its connections are protected."""

    bootstrap: str
    """host:port, several separated by commas."""

    tls: ssl.SSLContext | None = None
    """None: plaintext, which `broker.bus` allows on loopback or when an operator asks for it by an unsafe name."""

    client_id: str = "enlace"

    def options(self) -> dict[str, Any]:
        """What all clients have in common."""
        return {
            "bootstrap_servers": self.bootstrap.split(","),
            "client_id": self.client_id,
            "request_timeout_ms": int(REQUEST_SECONDS_MAX * 1000),
            "retry_backoff_ms": RETRY_MS,
            "metadata_max_age_ms": METADATA_AGE_MS_MAX,
            "connections_max_idle_ms": IDLE_MS_MAX,
            "security_protocol": "SSL" if self.tls else "PLAINTEXT",
            "ssl_context": self.tls,
        }


@asynccontextmanager
async def _asking(what: str, seconds: float = REQUEST_SECONDS_MAX) -> AsyncIterator[None]:
    """Bound a call and translate what the library raises when the cluster is away."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise LogUnavailable(f"kafka: {what} took more than {seconds:g} s") from error
    except (KafkaError, OSError) as error:
        raise LogUnavailable(f"kafka: {what}: {type(error).__name__}: {error}") from error


async def _connected(starting: Coroutine[Any, Any, None], close: Callable[[], Awaitable[None]]) -> None:
    """Await the start of a client; one that did not start leaves nothing behind."""
    try:
        async with _asking("connecting", START_SECONDS_MAX):
            await starting
    except BaseException:
        await close()
        raise


async def _closed(closing: Coroutine[Any, Any, None]) -> None:
    """Await the end of a client, but not for ever, and whatever state it is in."""
    task = asyncio.ensure_future(closing)
    done, _ = await asyncio.wait([task], timeout=CLOSE_SECONDS_MAX)
    if not done:
        task.cancel()
        return
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, (KafkaError, OSError, TimeoutError)):
        raise error


class Consumer:
    """Reads some topics from positions that the caller sets."""

    def __init__(self, address: Address) -> None:
        self._client = AIOKafkaConsumer(
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",  # `latest` would jump to the end, silently
            isolation_level="read_uncommitted",
            check_crcs=True,
            key_deserializer=None,
            value_deserializer=None,  # an exception in it would block the partition for ever
            fetch_min_bytes=1,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_max_bytes=FETCH_BYTES_MAX,
            max_partition_fetch_bytes=RECORD_SIZE_BYTES_MAX,
            consumer_timeout_ms=200,
            max_poll_records=None,
            exclude_internal_topics=True,
            **address.options(),
        )

    async def start(self) -> None:
        """Connect; raises LogUnavailable."""
        await _connected(self._client.start(), self.close)

    def assign(self, positions: Mapping[str, int]) -> None:
        """Read these topics from here on, and no others."""
        self._client.assign([TopicPartition(topic, PARTITION) for topic in positions])
        for topic, position in positions.items():
            self.seek(topic, position)

    def seek(self, topic: str, position: int) -> None:
        """Go on from `position`."""
        self._client.seek(TopicPartition(topic, PARTITION), position)

    def pause(self, topic: str) -> None:
        """Fetch nothing more of `topic` until `resume`."""
        self._client.pause(TopicPartition(topic, PARTITION))

    def resume(self, topic: str) -> None:
        """Fetch `topic` again."""
        self._client.resume(TopicPartition(topic, PARTITION))

    async def get(self, wait_seconds: float, records_max: int | None) -> dict[str, list[Entry]]:
        """What has come, by topic. Must not be cancelled: it ends by itself after `wait_seconds`.

        Raises OutOfRange, Denied, Unreadable, LogUnavailable; of Unreadable the records before the bad one are lost
        unless `records_max` is 1.
        """
        try:
            found = await self._client.getmany(timeout_ms=int(wait_seconds * 1000), max_records=records_max)
        except OffsetOutOfRangeError as error:
            raise OutOfRange([partition.topic for partition in error.args[0]]) from error
        except TopicAuthorizationFailedError as error:
            raise Denied(str(error.args[0])) from error
        except (CorruptRecordException, UnsupportedCodecError, RecordTooLargeError) as error:
            raise Unreadable(type(error).__name__) from error
        except (IllegalStateError, MemoryError):
            raise
        except KafkaError as error:
            if error.retriable:
                raise LogUnavailable(f"kafka: reading: {type(error).__name__}: {error}") from error
            raise Unreadable(type(error).__name__) from error
        except Exception as error:  # parsing hostile batches raises whatever zlib, struct or the C parser raise
            raise Unreadable(type(error).__name__) from error
        return {
            partition.topic: [Entry(topic=one.topic, position=one.offset, value=one.value) for one in records]
            for partition, records in found.items()
        }

    async def topics(self) -> frozenset[str]:
        """Every topic of the cluster."""
        async with _asking("listing topics"):
            return frozenset(await self._client.topics())

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Beginning and end of topics that exist."""
        partitions = [TopicPartition(topic, PARTITION) for topic in topics]
        async with _asking("asking for offsets"):
            # By itself the library learns of one unknown topic at a time, a tenth of a second each.
            await self._client._client.set_topics(topics)
            beginnings = await self._client.beginning_offsets(partitions)
            ends = await self._client.end_offsets(partitions)
        return {one.topic: Bounds(beginning=beginnings[one], end=ends[one]) for one in partitions}

    async def close(self) -> None:
        """End the connections, within a bound."""
        await _closed(self._client.stop())


class Producer:
    """Appends with acks of all in-sync replicas; idempotent, so that its own retries neither double nor reorder."""

    def __init__(self, address: Address) -> None:
        self._client = AIOKafkaProducer(
            acks="all",
            enable_idempotence=True,
            transactional_id=None,
            key_serializer=None,
            value_serializer=None,
            compression_type=None,
            max_request_size=RECORD_SIZE_BYTES_MAX,
            max_batch_size=PRODUCER_BATCH_BYTES_MAX,
            linger_ms=0,
            **address.options(),
        )

    async def start(self) -> None:
        """Connect; raises LogUnavailable."""
        await _connected(self._client.start(), self.close)

    async def append(self, topic: str, values: Sequence[bytes], seconds: float) -> int:
        """The position after the last value, -1 if the broker does not say. Afterwards, whatever was raised: close."""
        async with _asking(f"appending to {topic}", seconds):
            sent = [await self._client.send(topic, value, partition=PARTITION) for value in values]
            done = await asyncio.gather(*sent)
        last: int = done[-1].offset
        return last + 1 if last >= 0 else -1

    async def close(self) -> None:
        """End at once: what is not acknowledged is the outbox's to send again."""
        sender = self._client._sender  # `stop` alone waits for ever for what a dead sender has in hand
        task = sender.sender_task if sender is not None else None
        if task is not None and not task.done():
            task.cancel()
            self._client._message_accumulator.fail_all(KafkaError("abandoned"))
        await _closed(self._client.stop())


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicState:
    """One topic as the cluster has it."""

    partitions: int
    replication: int
    settings: Mapping[str, str]
    """What is in effect, whether said for the topic, the cluster or by default."""


class Admin:
    """What an operator does to topics. Lives for one command."""

    def __init__(self, address: Address) -> None:
        self._client = AIOKafkaAdminClient(**address.options())

    async def start(self) -> None:
        """Connect; raises LogUnavailable."""
        await _connected(self._client.start(), self.close)

    async def broker_count(self) -> int:
        """How many brokers are there."""
        async with _asking("describing the cluster"):
            return len((await self._client.describe_cluster())["brokers"])

    async def create(self, topics: Mapping[str, tuple[int, Mapping[str, str]]]) -> tuple[str, ...]:
        """Make topics of one partition, each with (replication, settings); those that were not there before."""
        wanted = [
            NewTopic(topic, num_partitions=1, replication_factor=replication, topic_configs=dict(settings))
            for topic, (replication, settings) in topics.items()
        ]
        async with _asking("creating topics", REQUEST_SECONDS_MAX * 6):
            answer = await self._client.create_topics(wanted)
        created = []
        for topic, code, *_ in answer.topic_errors:
            error = for_code(code)
            if code == 0:
                created.append(topic)
            elif error is not TopicAlreadyExistsError:
                raise LogUnavailable(f"kafka: creating {topic}: {error.__name__}")
        return tuple(created)

    async def describe(self, topics: Collection[str]) -> dict[str, TopicState]:
        """State of each topic that exists."""
        async with _asking("describing topics", REQUEST_SECONDS_MAX * 2):
            found = [one for one in await self._client.describe_topics(None) if one["topic"] in set(topics)]
            names = [one["topic"] for one in found]
            answers = await self._client.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
            )
        settings: dict[str, dict[str, str]] = {name: {} for name in names}
        for answer in answers:
            for code, message, _, name, entries in answer.resources:
                if code:
                    raise LogUnavailable(f"kafka: describing {name}: {for_code(code).__name__}: {message}")
                settings[name] = {entry[0]: entry[1] for entry in entries}
        return {
            one["topic"]: TopicState(
                partitions=len(one["partitions"]),
                replication=min((len(part["replicas"]) for part in one["partitions"]), default=0),
                settings=settings[one["topic"]],
            )
            for one in found
        }

    async def alter(self, topics: Mapping[str, Mapping[str, str]]) -> None:
        """Give each topic these settings and no others of its own."""
        resources = [
            ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict(settings))
            for topic, settings in topics.items()
        ]
        async with _asking("changing topics", REQUEST_SECONDS_MAX * 2):
            for answer in await self._client.alter_configs(resources):
                for code, message, _, name in answer.resources:
                    if code:
                        raise LogUnavailable(f"kafka: changing {name}: {for_code(code).__name__}: {message}")

    async def close(self) -> None:
        """End the connections, within a bound."""
        await _closed(self._client.close())
