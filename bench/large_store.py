"""Fills a store with many messages, as if the node had read them for months. It measures nothing.

All data is synthetic and the same at each call. The rows go to the tables directly: no record is sealed or verified, so
a million messages take two minutes. Payloads can be decoded; the sealed records are bytes of a plausible size.

Each message has four identifiers, one subject and a text. A sixth of the messages are the node's own, with their
drafts, batches and receipts. The others have outcomes that were sent to their originators.
"""

import shutil
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

from bench.large_reports import ReportTemplate
from bench.large_rows import BATCH_SIZE, COLUMNS, Filling, rows_of
from node.database import migrate, record_tables
from node.database.engine import Store, Transaction
from node.database.statements import insert_rows, insert_together
from node.limits import DAY_MS
from node.primitives import digest
from node.store import messages

BATCHES_IN_TRANSACTION: Final = 300
STORES: Final = Path("build") / "stores"
VERSION: Final = 1  # of the data; a cached store of another version is built again
MONTH_MS: Final = 30 * DAY_MS
_CACHE: Final = "PRAGMA cache_size = -600000"  # KiB; inserts into large indexes are slow with the usual 2 MB


async def cached(filling: Filling) -> Path:
    """The file of a SQLite store with this filling, under build/stores. It is built if it is not there.

    All runs share it. Copy it before you add what a later run must not find. The time of the filling is rounded down
    to 30 days, so that later runs find the store.
    """
    filling = replace(filling, now_ms=filling.now_ms // MONTH_MS * MONTH_MS)
    name = digest(f"{VERSION} {migrate.REVISION} {filling}".encode()).hex()[:12]
    file = STORES / f"{filling.messages}-{name}.db"
    if not file.exists():
        building = file.with_suffix(".building")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        store = await Store.open(f"sqlite:///{building / file.name}")
        try:
            await fill(store, filling)
        finally:
            await store.close()
        (building / file.name).rename(file)
        shutil.rmtree(building)
    return file


async def fill_database(url: str, filling: Filling) -> None:
    """Fill the store at `url`, look at its tables for plans, and bring everything to the disk: a server that was filled
    months ago has no pages to write.
    """
    store = await Store.open(url)
    try:
        await fill(store, filling)
        await store.write(lambda db: db.exec_driver_sql("ANALYZE"))
        await store.write(lambda db: db.exec_driver_sql("CHECKPOINT"))
    finally:
        await store.close()


async def fill(store: Store, filling: Filling) -> None:
    """Add the messages of `filling` to a store that has nothing of its region."""
    template = ReportTemplate(filling.region, filling.now_ms)
    last = await store.read(lambda db: db.exec_driver_sql("SELECT coalesce(max(id), 0) FROM message").scalar_one())
    batches = -(-filling.messages // BATCH_SIZE)
    ends = [*range(0, batches, BATCHES_IN_TRANSACTION), batches]
    for first, end in pairwise(ends):
        await store.write(partial(_write, filling=filling, template=template, batches=range(first, end), last_id=last))


def _write(db: Transaction, *, filling: Filling, template: ReportTemplate, batches: range, last_id: int) -> None:
    if db.dialect.name == "sqlite":
        db.exec_driver_sql(_CACHE)
    rows = rows_of(filling, template, batches, last_id)
    for table, columns in COLUMNS.items():
        insert = insert_together if table is record_tables.message_text else insert_rows
        insert(db, table, tuple(columns.split()), rows[table.name])
    messages.note(db, rows[record_tables.message.name])
