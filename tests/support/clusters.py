"""The real Kafka that all tests of this process share: one broker that ends with the process.

A test uses names of topics that no other test uses, or calls `bus`, which removes all topics.
"""

import asyncio
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from broker.local.attached_cluster import attached_cluster
from broker.local.cluster import Cluster
from tests.support import stranger
from tests.support.brokers import require_kafka

_open = ExitStack()


@cache
def shared() -> Cluster:
    """The cluster of one broker. The first call starts it."""
    folder = _open.enter_context(tempfile.TemporaryDirectory(prefix="enlace-kafka-", ignore_cleanup_errors=True))
    return _open.enter_context(attached_cluster(Path(folder)))


def bootstrap() -> str:
    """Its address. If no Kafka can run here, skip the test, or fail it in CI."""
    require_kafka()
    return shared().bootstrap


def bus() -> str:
    """Its URL for a whole exchange, after the removal of all topics."""
    address = bootstrap()
    asyncio.run(stranger.delete_all(address))
    return f"kafka://{address}"


def end() -> None:
    """Stop it, if it was started."""
    shared.cache_clear()
    _open.close()
