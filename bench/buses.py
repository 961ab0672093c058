"""The Kafka that is measured: the broker that BENCH_BUS names, or one that is started for the measurement."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from broker.bus import KAFKA
from broker.local.attached_cluster import attached_cluster
from broker.local.errors import LocalUnavailable, LocalUsage


@contextmanager
def kafka(folder: Path) -> Iterator[str | None]:
    """The URL of a broker with empty topics; None, with the reason on stderr, if none can run here."""
    given = os.environ.get("BENCH_BUS", "")
    if given.startswith(KAFKA):
        yield given
        return
    with ExitStack() as stack:
        url = None
        try:
            url = stack.enter_context(attached_cluster(folder)).url
        except (LocalUsage, LocalUnavailable) as error:
            print(f"not measured with Kafka: {error}", file=sys.stderr, flush=True)
        yield url
