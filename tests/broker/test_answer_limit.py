"""A broker cannot fill the memory of a client with one answer."""

import asyncio

import pytest
from aiokafka.conn import AIOKafkaConnection

from broker.kafka.answer_limit import ANSWER_BYTES_MAX, BoundedReader, limit_answers
from broker.kafka.client import Address
from broker.kafka.consumer import Consumer
from broker.log import LogUnavailable


@pytest.mark.parametrize("size", [ANSWER_BYTES_MAX + 1, 2**31 - 1, -1])
async def test_an_answer_of_an_impossible_size_is_a_broken_connection(size: int) -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(b"x" * 100)

    with pytest.raises(ConnectionError, match=str(size)):
        await BoundedReader(stream).readexactly(size)


async def test_other_answers_are_read_as_before() -> None:
    stream = asyncio.StreamReader()
    stream.feed_data(b"abcdef")
    bounded = BoundedReader(stream)

    assert await bounded.readexactly(4) == b"abcd"
    assert bounded.at_eof() is False


async def test_a_client_closes_the_connection_at_the_length_of_a_huge_answer() -> None:
    """It does not wait for two gigabytes."""
    closed = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write((2**31 - 1).to_bytes(4, "big") + bytes(1000))
        await reader.read()  # until the client closes
        closed.set()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    consumer = Consumer(Address(bootstrap=f"127.0.0.1:{port}"))
    starting = asyncio.ensure_future(consumer.start())
    async with asyncio.timeout(3):  # the client's own deadline is later
        await closed.wait()
    with pytest.raises(LogUnavailable):
        await starting
    server.close()


def test_limiting_twice_changes_nothing() -> None:
    before = AIOKafkaConnection._read
    limit_answers()

    assert AIOKafkaConnection._read is before
