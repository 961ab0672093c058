"""The server vanishes while it commits: the same calls again store everything, and nothing twice."""

import functools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import pytest

from node.database.engine import Store
from node.errors import Unavailable
from node.exchange.retry import retry_quarantined
from node.sending.seal_receipts import QUIET_MS
from node.store import counters, message_search, outbox, receipts_to_seal, stream_findings
from node.store.message_search import Query
from node.undecided import quarantine_retry, usage
from tests.support import postgres
from tests.support.bed import GRANTS, bed
from tests.support.cutting_proxy import CuttingProxy, Way, cutting_proxy
from tests.support.exchange import TestNode, exchange
from tests.support.readers import granted

T = TypeVar("T")
TRIES_MAX = 40
COMMITS_MAX = 60  # more than any of the scenarios makes
WAYS: tuple[Way, ...] = ("before", "answered", "sent")


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    """A server that answers on a port."""
    made = postgres.Server(port=postgres.free_port())
    made.start()
    made.execute(f"CREATE DATABASE {postgres.TEMPLATE}")
    postgres.migrate_database(made.url(postgres.TEMPLATE))
    yield made
    made.close()


@pytest.fixture
def proxy(server: postgres.Server) -> Iterator[CuttingProxy]:
    """Every store of an exchange is a database that is reached through this proxy."""
    names: dict[str, str] = {}

    async def open_store(url: str) -> Store:
        if url not in names:
            names[url] = f"unknown_{next(_numbers)}"
            server.execute(f"CREATE DATABASE {names[url]} TEMPLATE {postgres.TEMPLATE}")
        return await Store.open(f"postgresql+psycopg://{postgres.OWNER}@127.0.0.1:{made.port}/{names[url]}")

    with cutting_proxy(server.port) as made, patch("tests.support.exchange.open_store", open_store):
        yield made


_numbers = iter(range(1, 10_000))


async def again(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call while the store is unavailable, as the daemon and users do."""
    for _ in range(TRIES_MAX):
        try:
            return await call()
        except Unavailable:
            continue
    raise AssertionError("it never succeeded")


async def settle(*nodes: TestNode) -> None:
    """Seal, send and read everything, receipts too."""
    for _ in range(3):
        for node in nodes:
            await again(node.relay.step)
            await again(node.read)
        nodes[0].clock.now += QUIET_MS
        for node in nodes:
            await again(node.receipt_sealer.step)
            await again(node.relay.step)
            await again(node.relay.record_acknowledgements)
    for node in nodes:
        await again(node.read)


async def publish_and_read(folder: Path) -> list[Any]:
    """Two nodes exchange reports and receipts; returns what must not depend on the connections."""
    async with exchange(folder, "BZ", "GT") as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        drafts = [bz.draft(legal_basis=f"Act {number}") for number in range(3)]
        for part in (drafts[:2], drafts[2:]):
            answers = await again(functools.partial(bz.accept, part))
            assert {answer.outcome for answer in answers} <= {"accepted", "duplicate"}
            await settle(bz, gt)
        return [await _state(bz), await _state(gt)]


async def _state(node: TestNode) -> dict[str, Any]:
    """Everything that a lost or repeated transaction would change."""

    def look(db: Any) -> dict[str, Any]:
        return {
            "held": sorted((found.report_id, found.sequence) for found in message_search.search(db, Query())),
            "counts": {name: count for name, count in counters.counts(db).by_name.items() if count},
            "drained": outbox.counts(db).drained,
            "heads": {stream: head.next_sequence for stream, head in outbox.heads(db).items() if stream != "receipts"},
            "due": receipts_to_seal.count_due(db),
            "pending": sorted(
                (budget.value, used.rows) for (_, budget), used in usage.everything(db).items() if used.rows
            ),
            "findings": stream_findings.standing(db),
        }

    seen = await again(lambda: node.store.read(look))
    # How receipts are divided into records depends on the time. Records that were read while the server still worked
    # on the commit that had stored them are counted as duplicates.
    for name in ("verified_RECEIPT", "duplicate"):
        seen["counts"].pop(name, None)
    return seen


async def wait_and_retry(folder: Path) -> list[Any]:
    """A message that waits for its grant, broken bytes, and a retry of the quarantine."""
    async with bed(folder) as scene:
        key, grant = granted(scene.bz)
        waiting = scene.bz.message(replace(key, grant=2))
        await scene.send(scene.bz.message(scene.key), waiting, b"junk")
        await again(scene.gt.read)
        await scene.send(scene.bz.grant(grant), topic=GRANTS)
        await again(scene.gt.read)
        await again(lambda: scene.gt.subscriber.step(0))
        await again(functools.partial(_retry, scene.gt))
        return [await _state(scene.gt)]


async def _retry(node: TestNode) -> None:
    ids = await node.store.read(quarantine_retry.ids)
    await retry_quarantined(node.store, lambda: node.judge, ids, clock=node.clock)


@pytest.mark.parametrize("scenario", [publish_and_read, wait_and_retry])
@pytest.mark.parametrize("way", WAYS)
async def test_every_third_commit_with_an_unknown_result_changes_nothing(
    scenario: Callable[[Path], Awaitable[list[Any]]], way: Way, proxy: CuttingProxy, tmp_path: Path
) -> None:
    """Each writer meets it: intake, relay, ingest, receipts, acknowledgements, retries."""
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    expected = await scenario(tmp_path / "whole")
    proxy.commits = 0
    proxy.decide = lambda number: way if number % 3 == 1 else None
    cut = await scenario(tmp_path / "cut")

    assert proxy.cuts > 1
    assert cut == expected


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [publish_and_read, wait_and_retry])
@pytest.mark.parametrize("way", WAYS)
async def test_any_commit_with_an_unknown_result_changes_nothing(
    scenario: Callable[[Path], Awaitable[list[Any]]], way: Way, proxy: CuttingProxy, tmp_path: Path
) -> None:
    """One after the other, until a scenario makes no more."""
    (tmp_path / "whole").mkdir()
    expected = await scenario(tmp_path / "whole")
    for wanted in range(1, COMMITS_MAX):
        proxy.commits = proxy.cuts = 0
        proxy.decide = lambda number, wanted=wanted: way if number == wanted else None  # type: ignore[misc]
        (tmp_path / str(wanted)).mkdir()

        assert await scenario(tmp_path / str(wanted)) == expected, wanted
        if not proxy.cuts:
            return
    raise AssertionError("a scenario makes more commits than expected")
