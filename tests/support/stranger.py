"""A Kafka client without our checks, as a foreign client or an operator would use it. Only for tests."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

DEADLINE_SECONDS = 60.0
KEY = b"foreign"  # aiokafka sends a record without value only if it has a key


@asynccontextmanager
async def admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected administrator."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def write(bootstrap: str, topic: str, values: Sequence[bytes | None], **options: Any) -> None:
    """Append values without our checks; `options` are options of the producer."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=2**30, **options)
    await producer.start()
    try:
        with patch("aiokafka.codec.has_gzip", lambda: True):  # `broker.kafka.consumer` switches it off in this process
            for value in values:
                await producer.send_and_wait(topic, value, key=KEY if value is None else None, partition=0)
    finally:
        await producer.stop()


async def truncate_before(bootstrap: str, topic: str, position: int) -> None:
    """Remove the records before `position`, as retention does."""
    async with admin(bootstrap) as client:
        await client.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=position)})


async def delete(bootstrap: str, topic: str) -> None:
    """Delete a topic, and wait until the cluster does not list it."""
    async with admin(bootstrap) as client, asyncio.timeout(DEADLINE_SECONDS):
        await client.delete_topics([topic])
        while topic in await client.list_topics():
            pass


async def delete_all(bootstrap: str) -> None:
    """Delete all topics."""
    async with admin(bootstrap) as client, asyncio.timeout(DEADLINE_SECONDS):
        while topics := await client.list_topics():
            await client.delete_topics(topics)


async def create(bootstrap: str, topic: str, **settings: str) -> None:
    """Create a topic with these settings only. An underscore in a name means a dot."""
    configs = {name.replace("_", "."): value for name, value in settings.items()}
    async with admin(bootstrap) as client:
        answer = await client.create_topics([NewTopic(topic, 1, 1, topic_configs=configs)])
        assert [code for _, code, *_ in answer.topic_errors] == [0]


def bomb(megabytes: int) -> bytes:
    """A value that gzip compresses at least 500 times."""
    value = bytes(megabytes * 1024 * 1024)
    assert len(gzip.compress(value)) < len(value) // 500
    return value


async def write_transaction(bootstrap: str, topic: str, values: Sequence[bytes]) -> None:
    """Append values in a transaction; Kafka writes a control record behind them."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="stranger")
    await producer.start()
    try:
        async with producer.transaction():
            for value in values:
                await producer.send_and_wait(topic, value, partition=0)
    finally:
        await producer.stop()


async def write_with_headers(bootstrap: str, topic: str, key: bytes, headers: Sequence[tuple[str, bytes]]) -> None:
    """Append a record with a key and headers, which no node reads."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(topic, b"with headers", key=key, headers=list(headers), partition=0)
    finally:
        await producer.stop()
