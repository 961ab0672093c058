"""`db upgrade`: brings the tables of a store to the revision of this version.

Every command that opens a store does the same. This one says what it did, before the daemon starts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from node.database import migrate
from node.database.engine import Store
from node.integrity.check_store import count_rows
from node.integrity.finding_types import StoreFinding
from node.runtime.home import Home
from node.runtime.open_store import open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeAnswer:
    """What an upgrade did."""

    before: str | None
    """The revision before; None if there was no store."""

    revision: str
    tables: Mapping[str, int]
    """Table -> number of rows."""

    findings: tuple[StoreFinding, ...] = ()


async def upgrade(home: Home) -> UpgradeAnswer:
    """Bring the store of a home up to date."""
    before = await Store.revision_of(home.store_url, home.store_options)
    async with open_store(home) as store:
        tables = await store.read(count_rows)
    return UpgradeAnswer(before=before, revision=migrate.REVISION, tables=tables)
