"""The client that reads: topics, their positions, and the records from a position on.

A caller sets the positions: there is no consumer group, no commit and no automatic reset. Failures become

    OutOfRange       the position is outside of what the log has
    Denied           the broker does not allow this node to read the topic
    Unreadable       this client cannot read the batch at the position: it is corrupt, compressed or hostile
    LogUnavailable   the cluster cannot be used now: back off, the same call may succeed later

Our topics are uncompressed, so a compressed batch is foreign. A small one can expand to gigabytes. This module
therefore switches the library's codecs off for the process: a compressed batch is Unreadable before any byte of it is
expanded.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Final

import aiokafka.codec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    IllegalStateError,
    KafkaError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
    UnsupportedCodecError,
)
from aiokafka.structs import ConsumerRecord

from broker.kafka.answer_limit import limit_answers
from broker.kafka.client import PARTITION, Address, bounded, connect, disconnect
from broker.kafka.topic_buffer import DeliveredRecord
from broker.log import POSITION_MAX, RECORD_SIZE_BYTES_MAX, Bounds, LogUnavailable

FETCH_WAIT_MS: Final = 500  # how long a broker holds a fetch that has no record yet
FETCH_BYTES_MAX: Final = 4 * 1024 * 1024  # of one answer; a hostile broker can ignore it
LOG_APPEND_TIME: Final = 1  # the type of a timestamp that the broker made, not the producer

for _codec in ("gzip", "snappy", "lz4", "zstd"):
    setattr(aiokafka.codec, f"has_{_codec}", lambda: False)
limit_answers()


class Unreadable(Exception):
    """This client cannot read a batch, or failed in an unknown way when it tried."""


class OutOfRange(Exception):
    """The positions of these topics are below the beginning or above the end."""

    def __init__(self, positions: Mapping[str, int]) -> None:
        super().__init__(", ".join(positions))
        self.positions = dict(positions)
        """Topic -> the position that was asked for."""


class Denied(Exception):
    """The broker does not allow this node to read a topic."""

    def __init__(self, topic: str) -> None:
        super().__init__(topic)
        self.topic = topic


class Consumer:
    """Reads topics from the positions that the caller sets."""

    def __init__(self, address: Address) -> None:
        self._client = AIOKafkaConsumer(
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",  # `latest` would jump to the end without an error
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
        await connect(self._client.start(), self.close)

    def assign(self, positions: Mapping[str, int]) -> None:
        """Read these topics from these positions on, and no others."""
        self._client.assign([TopicPartition(topic, PARTITION) for topic in positions])
        for topic, position in positions.items():
            self.seek(topic, position)

    def seek(self, topic: str, position: int) -> None:
        """Continue at `position`."""
        self._client.seek(TopicPartition(topic, PARTITION), position)

    def pause(self, topic: str) -> None:
        """Stop fetching `topic` until `resume`."""
        self._client.pause(TopicPartition(topic, PARTITION))

    def resume(self, topic: str) -> None:
        """Fetch `topic` again."""
        self._client.resume(TopicPartition(topic, PARTITION))

    async def get(self, wait_seconds: float, records_max: int | None) -> dict[str, list[DeliveredRecord]]:
        """The records that have arrived, by topic. Do not cancel this call: it ends by itself.

        Raises OutOfRange, Denied, Unreadable, LogUnavailable. With Unreadable, the good records before the bad one
        are lost unless `records_max` is 1.
        """
        try:
            found = await self._client.getmany(timeout_ms=int(wait_seconds * 1000), max_records=records_max)
        except OffsetOutOfRangeError as error:
            raise OutOfRange({partition.topic: position for partition, position in error.args[0].items()}) from error
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
        except Exception as error:  # on a hostile batch zlib, struct and the C parser raise exceptions of many types
            raise Unreadable(type(error).__name__) from error
        return {
            partition.topic: [(record.offset, record.value, _stored_at(record)) for record in records]
            for partition, records in found.items()
        }

    async def positions(self, topics: Collection[str]) -> dict[str, int]:
        """Where the client reads on, if that is not beyond the end that the broker reported.

        The client passes over positions without a record, such as the end of a transaction.
        """
        found: dict[str, int] = {}
        for topic in topics:
            partition = TopicPartition(topic, PARTITION)
            with suppress(KafkaError, IllegalStateError):  # then it is asked later
                position, end = await self._client.position(partition), self._client.highwater(partition)
                if end is not None and position <= end:
                    found[topic] = position
        return found

    async def topics(self) -> frozenset[str]:
        """Every topic of the cluster."""
        async with bounded("listing topics"):
            return frozenset(await self._client.topics())

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Beginning and end of each topic; all of them must exist. An impossible answer counts as none."""
        partitions = [TopicPartition(topic, PARTITION) for topic in topics]
        async with bounded("asking for offsets"):
            # Otherwise the library asks for one unknown topic at a time, which takes a tenth of a second each.
            await self._client._client.set_topics(topics)
            beginnings = await self._client.beginning_offsets(partitions)
            ends = await self._client.end_offsets(partitions)
        found = {partition.topic: (beginnings.get(partition, -1), ends.get(partition, -1)) for partition in partitions}
        return {
            topic: Bounds(beginning=beginning, end=end)
            for topic, (beginning, end) in found.items()
            if 0 <= beginning <= end <= POSITION_MAX  # a broker may answer anything
        }

    async def close(self) -> None:
        """Close the connections within `CLOSE_SECONDS_MAX`."""
        await disconnect(self._client.stop())


def _stored_at(record: ConsumerRecord) -> int | None:
    """When the broker stored a record, in ms; None if the time is the producer's."""
    return record.timestamp if record.timestamp_type == LOG_APPEND_TIME else None
