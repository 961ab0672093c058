"""A store on a PostgreSQL server with a standby: when the server dies and the standby takes over, nothing is lost."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from node.database.engine import Store, Transaction
from node.errors import Unavailable
from node.store import counters, message_search, outbox, stream_findings
from node.store.message_search import Query
from tests.support import postgres
from tests.support.exchange import exchange

HOSTS = "host=127.0.0.1:{first}&host=127.0.0.1:{second}"
URL = "postgresql+psycopg://{owner}@/store?" + HOSTS + "&target_session_attrs=read-write"


@pytest.fixture
def servers() -> Iterator[tuple[postgres.Server, postgres.Server]]:
    """A server, and a standby without whose answer it commits nothing."""
    first = postgres.Server(port=postgres.free_port())
    first.start()
    first.execute("CREATE DATABASE store")
    postgres.migrate_database(first.url("store"))
    second = postgres.Server(port=postgres.free_port(), standby_of=first)
    second.start()
    first.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
    first.execute("SELECT pg_reload_conf()")
    yield first, second
    first.close()
    second.close()


async def test_after_a_failover_the_node_goes_on_without_loss_and_without_a_fork(
    servers: tuple[postgres.Server, postgres.Server], tmp_path: Path
) -> None:
    """The URL names both servers. What was accepted is sent; the streams continue at their heads."""
    first, second = servers
    both = URL.format(owner=postgres.OWNER, first=first.port, second=second.port)

    async def open_store(url: str) -> Store:
        return await Store.open(both if url.endswith("/bz.db") else url)

    with patch("tests.support.exchange.open_store", open_store):
        async with exchange(tmp_path, "BZ", "GT") as made:
            bz, gt = made.nodes["BZ"], made.nodes["GT"]
            await bz.publish(legal_basis="sent before")
            await bz.read()
            [kept] = await bz.accept([bz.draft(legal_basis="accepted before")])
            first.stop("kill")
            lost = bz.draft(legal_basis="refused meanwhile")
            with pytest.raises(Unavailable):
                await bz.accept([lost])
            second.promote()
            [again] = await bz.accept([lost])
            await bz.relay.step()
            await bz.read()
            await gt.read()
            held = [
                [
                    (found.sequence, getattr(found.report, "legal_basis", ""))
                    for found in await node.store.read(_everything)
                ]
                for node in (bz, gt)
            ]
            drained = await bz.store.read(lambda db: outbox.counts(db).drained)
            findings = [await node.store.read(stream_findings.standing) for node in (bz, gt)]

    assert (kept.outcome, again.outcome, drained, findings) == ("accepted", "accepted", True, [[], []])
    assert held == [[(1, "sent before"), (2, "accepted before"), (3, "refused meanwhile")]] * 2


def _everything(db: Transaction) -> list[message_search.HeldMessage]:
    return message_search.search(db, Query())


async def test_a_standby_alone_can_be_read_and_is_unavailable_for_what_writes(
    servers: tuple[postgres.Server, postgres.Server],
) -> None:
    """The hint says to name the server that writes."""
    _, second = servers
    store = await Store.open(second.url("store"))
    try:
        assert (await store.read(counters.counts)).withheld == 0
        with pytest.raises(Unavailable, match="standby") as refused:
            await store.write(lambda db: counters.increase(db, {"seen": 1}))
    finally:
        await store.close()

    assert (refused.value.code, refused.value.path) == ("store_unavailable", "store.url")
