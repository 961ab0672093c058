"""One look at a node for metrics and for the live view: what `status` shows, and the figures of its store."""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from broker.bus import SQLITE
from broker.log import Log
from node.database.engine import Store
from node.health.documents import Documents
from node.health.machine import machine_problems
from node.health.records import record_problems
from node.health.standing_findings import finding_problems
from node.health.status import NodeStatus, look
from node.metrics.expiry_figures import soonest_ends
from node.metrics.store_figures import StoreFigures, store_figures
from node.runtime.home import Home


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one look found."""

    at: int
    """In ms."""

    status: NodeStatus
    store: StoreFigures
    ends: Mapping[str, float]
    """Kind of what ends -> seconds until the first end."""

    free: Mapping[str, int]
    """Place (home, store, log) -> free bytes on its volume."""


async def look_at_figures(home: Home, store: Store, bus: Log, documents: Documents, now: int) -> Figures:
    """Look once; `now` in ms. Raises Unavailable if the store cannot be read."""
    seen = await look(home, store, bus, documents)
    problems = [
        *machine_problems(home, running=seen.status.running, bus=seen.bus_error),
        *documents.problems,
        *finding_problems(seen.findings),
        *await store.read(partial(record_problems, now=now)),
    ]
    return Figures(
        at=now,
        status=replace(seen.status, problems=tuple(problems)),
        store=await store.read(store_figures),
        ends=await asyncio.to_thread(soonest_ends, home, documents.governance, now),
        free=free_space(home),
    )


def free_space(home: Home) -> Mapping[str, int]:
    """The free bytes where the home, a store that is a file, and a log that is a file are."""
    urls = {"store": home.store_url, "log": home.config.bus.url}
    folders = {"home": home.path}
    folders |= {
        name: (home.path / url.removeprefix(SQLITE)).parent for name, url in urls.items() if url.startswith(SQLITE)
    }
    found = {}
    for name, folder in folders.items():
        try:
            found[name] = shutil.disk_usage(folder).free
        except OSError:
            continue  # the store or the bus reports it
    return found
