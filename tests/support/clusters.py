"""The real Kafka of this test process: one broker that its tests share, ended with the process.

Topics of tests have names that no other test uses, or `bus` removes all others.
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
    """The cluster of one broker, started when it is first asked for."""
    folder = _open.enter_context(tempfile.TemporaryDirectory(prefix="enlace-kafka-", ignore_cleanup_errors=True))
    return _open.enter_context(attached_cluster(Path(folder)))


def bootstrap() -> str:
    """Its address; skips the test, or fails it in CI, where no Kafka can run."""
    require_kafka()
    return shared().bootstrap


def bus() -> str:
    """Its URL for a whole exchange: no topic of another test is left."""
    address = bootstrap()
    asyncio.run(stranger.delete_all(address))
    return f"kafka://{address}"


def end() -> None:
    """End it, if it was started."""
    shared.cache_clear()
    _open.close()
