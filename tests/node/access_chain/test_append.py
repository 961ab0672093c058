"""node/access_chain/append.py: entries form one chain, whoever writes them."""

import asyncio
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, text

from node.access_chain.append import append
from node.access_chain.entry_hash import FIELDS, FIRST_PREVIOUS, entry_hash
from node.database.access_tables import access_end, access_log
from node.database.engine import Store, Transaction
from node.errors import Unavailable
from tests.support import postgres

PROCESSES = 4
ROUNDS = 25


def entry(number: int) -> tuple[object, ...]:
    """An entry without its id; every second one has the fields that may be null."""
    filled = ("CROSS_CHECKING", "Caso 7, Belmopán", "PLATE=A1", number) if number % 2 else (None,) * 4
    return (number, "CONSULTATION", "ana (uid 1000)", f"m{number}", "search", *filled)


def chained(db: Transaction) -> tuple[int, bytes]:
    """Follow the chain; returns the last id and hash. Fails where an entry does not follow from the one before it."""
    last, previous = 0, FIRST_PREVIOUS
    for row in db.execute(select(access_log).order_by(access_log.c.id)):
        assert row.hash == entry_hash(previous, tuple(row)[: len(FIELDS)]), row.id
        last, previous = row.id, row.hash
    [(_, end, hash_)] = db.execute(select(access_end)).all()
    assert (end, hash_) == (last, previous)
    return last, previous


def url_of(database: str, folder: Path) -> str:
    """A new store."""
    return f"sqlite:///{folder / 'store.db'}" if database == "sqlite" else postgres.database()


both = pytest.mark.parametrize("database", ["sqlite", "postgresql"])


@both
async def test_each_entry_covers_the_one_before_it_in_one_transaction_and_across_several(
    database: str, tmp_path: Path
) -> None:
    store = await Store.open(url_of(database, tmp_path))
    await store.write(lambda db: append(db, []))
    for first, count in ((1, 1), (2, 20), (22, 3)):
        await store.write(partial(append, entries=[entry(number) for number in range(first, first + count)]))
    last, _ = await store.read(chained)
    await store.close()

    assert last == 24


@both
async def test_processes_that_write_at_the_same_time_write_one_chain(database: str, tmp_path: Path) -> None:
    """No id comes twice, and no entry covers another one than the entry before it."""
    url = url_of(database, tmp_path)
    stores = [await Store.open(url) for _ in range(PROCESSES)]

    async def write(store: Store) -> None:
        for number in range(ROUNDS):
            await store.write(partial(append, entries=[entry(number), entry(number + 1)][: 1 + number % 2]))

    await asyncio.gather(*map(write, stores))
    last, _ = await stores[0].read(chained)
    for store in stores:
        await store.close()

    assert last == PROCESSES * sum(1 + number % 2 for number in range(ROUNDS))


@both
async def test_a_transaction_that_fails_leaves_the_chain_as_it_was(database: str, tmp_path: Path) -> None:
    """The id that it took is given to the next entry, so that the chain has no gap."""
    store = await Store.open(url_of(database, tmp_path))
    await store.write(partial(append, entries=[entry(1)]))

    def fail(db: Transaction) -> None:
        append(db, [entry(2)])
        raise Unavailable("store_unavailable", "the disk is full")

    with pytest.raises(Unavailable):
        await store.write(fail)
    await store.write(partial(append, entries=[entry(3)]))
    last, _ = await store.read(chained)
    await store.close()

    assert last == 2


@both
async def test_what_somebody_did_to_the_end_of_the_table_does_not_stop_the_node(database: str, tmp_path: Path) -> None:
    """A row behind the end keeps its id; without the row of the end, the chain goes on after the last entry."""
    store = await Store.open(url_of(database, tmp_path))
    await store.write(partial(append, entries=[entry(1)]))
    foreign = "INSERT INTO access_log (id, at, operation, actor, subject, detail) VALUES (2, 1, 'X', 'x', 's', 'd')"
    await store.write(lambda db: db.execute(text(foreign)))
    await store.write(partial(append, entries=[entry(2)]))
    ids = list(await store.read(lambda db: db.execute(select(access_log.c.id).order_by(access_log.c.id)).scalars()))
    await store.write(lambda db: db.execute(text("DELETE FROM access_end")))
    await store.write(partial(append, entries=[entry(3)]))
    rows = await store.read(lambda db: db.execute(select(access_log).order_by(access_log.c.id)).all())
    await store.close()

    assert ids == [1, 2, 3]
    assert rows[2].hash == entry_hash(rows[0].hash, tuple(rows[2])[: len(FIELDS)])
    assert rows[3].hash == entry_hash(rows[2].hash, tuple(rows[3])[: len(FIELDS)])
