"""What the clients of a cluster have in common: its address, the options of the library, and a bound on each wait.

`consumer.py`, `producer.py` and `admin.py` each wrap one class of aiokafka. These four modules are the only ones that
import it. They set every option explicitly. aiokafka's own tests stop at Kafka 2.8.1, so our tests show how it behaves
with the Kafka that we ship.

Rules. The library's own waits can last for ever, so each call has a deadline here. What the library raises when the
cluster cannot be used becomes `LogUnavailable`: back off, the same call may succeed later. Other exceptions are bugs
and pass through unchanged.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.errors import KafkaError

from broker.log import LogUnavailable

PARTITION: Final = 0  # a topic has only this one: the order of a stream is the order of its partition
REQUEST_SECONDS_MAX: Final = 5.0  # one answer of a broker; the default of 40 s is longer than a stop may take
START_SECONDS_MAX: Final = 5.0
CLOSE_SECONDS_MAX: Final = 2.0  # after that time the client is abandoned
RETRY_MS: Final = 100
METADATA_AGE_MS_MAX: Final = 60_000
IDLE_MS_MAX: Final = 540_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the cluster is, and how connections to it are protected."""

    bootstrap: str
    """HOST:PORT, or several separated by commas."""

    tls: ssl.SSLContext | None = None
    """None: plaintext. `broker.bus` allows that on loopback, or if an operator sets an option named `unsafe`."""

    client_id: str = "enlace"

    def options(self) -> dict[str, Any]:
        """The options of aiokafka that all clients share."""
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
async def bounded(what: str, seconds: float = REQUEST_SECONDS_MAX) -> AsyncIterator[None]:
    """Limit the time of the block, and raise LogUnavailable if the cluster cannot be used."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise LogUnavailable(f"kafka: {what} took more than {seconds:g} s") from error
    except (KafkaError, OSError) as error:
        raise LogUnavailable(f"kafka: {what}: {type(error).__name__}: {error}") from error


async def connect(starting: Coroutine[Any, Any, None], close: Callable[[], Awaitable[None]]) -> None:
    """Await the start of a client. If it fails, close the client."""
    try:
        async with bounded("connecting", START_SECONDS_MAX):
            await starting
    except BaseException:
        await close()
        raise


async def disconnect(closing: Coroutine[Any, Any, None]) -> None:
    """Await the end of a client for at most `CLOSE_SECONDS_MAX`, in any state."""
    task = asyncio.ensure_future(closing)
    done, _ = await asyncio.wait([task], timeout=CLOSE_SECONDS_MAX)
    if not done:
        task.cancel()
        return
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, (KafkaError, OSError, TimeoutError)):
        raise error
