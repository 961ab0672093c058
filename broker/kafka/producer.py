"""The client that appends."""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from broker.kafka.client import PARTITION, Address, bounded, connect, disconnect
from broker.log import RECORD_SIZE_BYTES_MAX

PRODUCER_BATCH_BYTES_MAX: Final = 256 * 1024


class Producer:
    """Appends with the acknowledgement of all in-sync replicas.

    It is idempotent: its own retries neither duplicate nor reorder records.
    """

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
        await connect(self._client.start(), self.close)

    async def append(self, topic: str, values: Sequence[bytes], seconds: float) -> int:
        """The position after the last value; -1 if the broker does not say. After any exception, close the client."""
        async with bounded(f"appending to {topic}", seconds):
            sent = [await self._client.send(topic, value, partition=PARTITION) for value in values]
            done = await asyncio.gather(*sent)
        last: int = done[-1].offset
        return last + 1 if last >= 0 else -1

    async def close(self) -> None:
        """End at once. The outbox sends again what was not acknowledged."""
        sender = self._client._sender  # `stop` alone waits for ever if the sender has died with batches unsent
        task = sender.sender_task if sender is not None else None
        if task is not None and not task.done():
            task.cancel()
            self._client._message_accumulator.fail_all(KafkaError("abandoned"))
        await disconnect(self._client.stop())
