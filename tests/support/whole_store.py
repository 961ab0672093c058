"""A store with rows of nearly every kind, for tests that change copies of it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from broker.streams import intel_stream, topic_of
from node.database.engine import Store
from node.integrity.check_store import StoreCheck, check_store
from tests.support.community import Community, clause
from tests.support.exchange import exchange

NODE = "GT"


async def make(folder: Path) -> None:
    """GT reads four reports of BZ (it may hold three), sends two, and has one draft and one record that is not sent."""
    community = Community(("BZ", "GT"))
    community.agreement("ALL", ("BZ", "GT"), clause(["BZ", "GT"], ["BZ", "GT"]))
    async with exchange(folder, "BZ", "GT", community=community) as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        for number in range(3):
            await bz.publish(narrative={"text": f"Report {number}.", "language": "en"})
        await gt.publish(narrative={"text": "An answer.", "language": "en"})
        await gt.read()
        made.clock.now += 3_600_000
        await gt.receipt_sealer.step()
        await gt.relay.step()
        await gt.read()
        await bz.read()
        made.clock.now += 3_600_000
        await bz.receipt_sealer.step()
        await bz.relay.step()
        await made.bus.append(topic_of(intel_stream("caribbean"), "BZ"), [b"no record"])
        await gt.read()
        await gt.publish(narrative={"text": "Not read back.", "language": "en"})
        await gt.accept([gt.draft(narrative={"text": "Not sealed.", "language": "en"})])


def changed_copy(whole: Path, folder: Path, *statements: str) -> Path:
    """A copy of a store in `folder`, changed by these statements; each must change a row."""
    path = folder / "store.db"
    with closing(sqlite3.connect(whole)) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
        for statement in statements:
            changed = copy.execute(statement)
            assert changed.rowcount != 0, statement
        copy.commit()
    return path


async def checked(path: Path) -> StoreCheck:
    """The result of a check of the store at `path`."""
    store = await Store.open(f"sqlite:///{path}")
    try:
        return await store.read(lambda db: check_store(db, NODE))
    finally:
        await store.close()
