"""Opens the store of a home.

A missing store is not an empty one: a command that only looks at a store must not make one. With a mistyped address it
would answer that nothing is here.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from broker.bus import SQLITE
from node.database.engine import Store, store_missing
from node.runtime.home import Home


@asynccontextmanager
async def open_store(home: Home, *, existing: bool = False) -> AsyncIterator[Store]:
    """The node's store. With `existing`, UsageError `store_missing` if there is none; otherwise it is made."""
    if existing:
        _check_file(home.store_url)
    store = await Store.open(home.store_url, home.store_options, existing=existing)
    try:
        yield store
    finally:
        await store.close()


def _check_file(url: str) -> None:
    """Raise UsageError `store_missing` if `url` names a SQLite file that does not exist or is empty.

    If its folder does not exist, nothing is raised: a volume may not be mounted yet, and opening the store says so.
    """
    file = Path(url.removeprefix(SQLITE))
    if url.startswith(SQLITE) and file.parent.is_dir() and not (file.exists() and file.stat().st_size):
        raise store_missing(f"{file} does not exist or is empty")
