"""`top`: looks at a node again and again, and gives each look to what shows it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Final

from node.clock import now_ms
from node.errors import Unavailable
from node.health.documents import Documents, look_at_documents
from node.metrics.figures import Figures, look_at_figures
from node.runtime.home import Home
from node.runtime.open_node import open_bus
from node.runtime.open_store import open_store
from node.top.overview import Overview, overview

DOCUMENTS_MS: Final = 30_000  # between two readings of the documents


async def looks(
    home: Home, *, interval: float, stopping: asyncio.Event, on_failure: Callable[[Unavailable], None] | None = None
) -> AsyncGenerator[Overview]:
    """Look at the node every `interval` seconds until `stopping` is set.

    A look that fails is given to `on_failure`, and the next one follows; without it Unavailable is raised. Raises
    UsageError, such as `store_missing`.
    """
    before: Figures | None = None
    documents: Documents | None = None
    read_at = 0
    async with open_store(home, existing=True) as store, open_bus(home) as bus:
        while not stopping.is_set():
            now = now_ms()
            if documents is None or not 0 <= now - read_at < DOCUMENTS_MS:
                documents, read_at = await asyncio.to_thread(look_at_documents, home, now), now
            try:
                figures = await look_at_figures(home, store, bus, documents, now)
            except Unavailable as error:
                if on_failure is None:
                    raise
                on_failure(error)
            else:
                yield overview(figures, before)
                before = figures
            with suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await stopping.wait()
