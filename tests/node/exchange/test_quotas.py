"""Quotas: what is refused or must wait takes bounded room, and nothing is lost that the log still has."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from broker import topology as topologies
from broker.embedded.log import EmbeddedLog
from node.commands.pending import drop_pending, list_pending
from node.commands.quarantine import list_quarantine, purge_quarantine, summarise_quarantine
from node.exchange import quotas
from node.exchange.reread import PositionRange, Rereader
from node.undecided import deferred_positions, pending_records, quarantine_retry, usage
from node.undecided.quarantine_filter import Filter
from node.undecided.usage import Budget, Usage
from tests.node.exchange.test_quarantine_retry import ignorant, knowing
from tests.support.bed import GRANTS, REPORTS, Bed, bed
from tests.support.exchange import TOPOLOGY

FEW = 3
LIMITS = dict(quotas.LIMITS)
UNDECIDED = {Budget.FORGEABLE, Budget.CURABLE, Budget.REFUSED, Budget.WAITING}


@contextmanager
def few(rows: int = FEW, size: int = 2**40) -> Iterator[None]:
    """Each budget has room for `rows` records and `size` bytes."""
    with patch.object(quotas, "LIMITS", dict.fromkeys(Budget, Usage(rows, size))):
        yield


async def used(scene: Bed) -> dict[str, int]:
    """Rows of each budget of refused and waiting records of BZ that is used."""
    found = await scene.gt.store.read(usage.everything)
    of_bz = {budget: taken.rows for (name, budget), taken in found.items() if name == "BZ" and budget in UNDECIDED}
    return {budget.value: count for budget, count in of_bz.items() if count}


async def deferred(scene: Bed) -> int:
    return await scene.gt.store.read(deferred_positions.count)


async def made_anew(scene: Bed) -> None:
    """The topic of BZ's reports is deleted and created again."""
    assert isinstance(scene.made.bus, EmbeddedLog)
    await scene.made.bus.delete_topic(REPORTS)
    await scene.made.bus.provision(topologies.specs_of(TOPOLOGY))


async def test_records_that_name_an_unknown_governance_state_do_not_pause_their_originator(tmp_path: Path) -> None:
    """Nobody needs a key to write them. They fill a budget of their own, and the honest originator is read."""
    async with bed(tmp_path) as scene:
        with few(), patch("node.exchange.pausing.LIMITS", LIMITS | {Budget.WAITING: Usage(FEW, 2**40)}):
            fork = scene.bz.fork()
            forged = [fork.fork().batch([fork.sealed_leaf(scene.key)], governance=7)[0] for _ in range(FEW + 4)]
            await scene.read(*forged)
            await scene.read(scene.bz.message(scene.key))

            assert await used(scene) == {"curable": FEW}
            assert await deferred(scene) == 4
            assert await scene.held() == [1]
            assert [code for code, _ in await scene.findings()] == ["records_deferred"]


@pytest.mark.parametrize("garbage", [0, FEW + 5], ids=["alone", "after garbage that fills a budget"])
async def test_what_was_deferred_before_a_document_came_is_read_again_when_it_is_here(
    garbage: int, tmp_path: Path
) -> None:
    async with bed(tmp_path) as scene:
        await scene.read()
        with few():
            with knowing(scene, ignorant(scene)):
                await scene.read(*(b"garbage %d" % number for number in range(garbage)))
                await scene.read(*(scene.bz.message(scene.key) for _ in range(FEW + 6)))
            before = await scene.held(), await deferred(scene)
            await scene.gt.subscriber.retry_all()
            await scene.gt.read()

        assert before == ([], 6 + max(0, garbage - FEW))
        assert sorted(await scene.held()) == list(range(1, FEW + 7))
        assert await deferred(scene) == max(0, garbage - FEW)
        assert [code for code, _ in await scene.findings()] == ["records_deferred"] * (garbage > 0)


async def test_what_is_deferred_again_stays_deferred_and_counts_no_duplicate(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        with few():
            await scene.read(*(b"garbage %d" % number for number in range(FEW + 5)))
            before = await scene.everything(), await deferred(scene)
            for _ in range(2):
                await scene.gt.subscriber.retry_all()
                await scene.gt.read()

            assert (await scene.everything(), await deferred(scene)) == before
            assert before[1] == 5


@pytest.mark.parametrize("portion", [1, 3, 100])
async def test_positions_that_are_read_again_in_portions_are_counted_once(portion: int, tmp_path: Path) -> None:
    """A range that is read again from its beginning has two parts meanwhile, and together they have its records."""
    async with bed(tmp_path) as scene:
        with few(), patch("node.exchange.reread.RECORDS_IN_TRANSACTION_MAX", portion):
            await scene.read(*(b"garbage %d" % number for number in range(FEW + 12)))
            await scene.gt.subscriber.retry_all()
            counts = [await deferred(scene)]
            while not scene.gt.subscriber.rereader.is_done:
                await scene.gt.subscriber.rereader.step()
                counts.append(await deferred(scene))

            assert set(counts) == {12}


async def test_the_size_of_a_budget_is_limited_too(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        with few(rows=1000, size=2500):
            await scene.read(*(bytes([number]) * 1000 for number in range(5)))

        assert (await used(scene), await deferred(scene)) == ({"forgeable": 3}, 2)


async def test_a_signed_record_that_is_refused_above_its_budget_is_decided_when_read_again(
    tmp_path: Path,
) -> None:
    """It has its place in the chain and no row. Read again, it is no duplicate of something that is not here."""
    async with bed(tmp_path) as scene:
        with few(rows=0):
            await scene.read(scene.bz.message(scene.key, payload=b""))
        before = await deferred(scene), await scene.quarantine()
        await scene.gt.subscriber.retry_all()
        await scene.gt.read()

        assert before == (1, [])
        assert [kept.record.code for kept in await scene.quarantine()] == ["payload_malformed"]
        assert (await deferred(scene), await scene.findings()) == (0, [])


async def test_a_forged_record_at_the_position_of_a_waiting_one_does_not_replace_it(tmp_path: Path) -> None:
    """The broker chooses positions. The bytes identify a record, so both rows stay, and the true report is stored."""
    async with bed(tmp_path, grant=False) as scene:
        fork = scene.bz.fork()
        await scene.read(fork.batch([fork.sealed_leaf(scene.key)], governance=7)[0])
        grant, value = scene.bz.grant(scene.grant), scene.bz.message(scene.key)
        await made_anew(scene)
        scene.gt.subscriber._positions[REPORTS] = 0
        await scene.read(value)
        waiting = (await scene.counts())["waiting"], (await scene.counts())["held"]
        await scene.read(grant, topic=GRANTS)

        assert waiting == (1, 1)
        assert await scene.held() == [1]


async def test_a_leaf_with_a_place_and_no_row_is_decided_again_when_its_bytes_come_again(tmp_path: Path) -> None:
    async with bed(tmp_path, grant=False) as scene:
        grant, value = scene.bz.grant(scene.grant), scene.bz.message(scene.key)
        await scene.read(value)
        ids = [record.id for record in await list_pending(scene.gt.store)]
        await scene.gt.store.write(lambda db: pending_records.drop(db, ids))
        await scene.read(grant, topic=GRANTS)
        lost = await scene.held()
        await scene.read(value, value)

        assert lost == []
        assert await scene.held() == [1]
        assert (await scene.counts())["duplicate"] == 1
        assert await used(scene) == {}


async def test_dropped_records_are_read_again_and_until_then_their_room_is_free(tmp_path: Path) -> None:
    async with bed(tmp_path, grant=False) as scene:
        grant = scene.bz.grant(scene.grant)
        await scene.read(*(scene.bz.message(scene.key) for _ in range(3)))
        dropped = await drop_pending(scene.gt.store, None, originator="BZ")
        free = await used(scene), await list_pending(scene.gt.store), await deferred(scene)
        await scene.read(grant, topic=GRANTS)
        await scene.gt.subscriber.retry_all()
        await scene.gt.read()

        assert (len(dropped), free) == (3, ({}, [], 3))
        assert sorted(await scene.held()) == [1, 2, 3]


async def test_at_its_limit_an_originator_is_paused_with_a_finding_until_records_are_decided(tmp_path: Path) -> None:
    async with bed(tmp_path, grant=False) as scene:
        grant = scene.bz.grant(scene.grant)
        with patch("node.exchange.pausing.LIMITS", LIMITS | {Budget.WAITING: Usage(2, 2**40)}):
            await scene.read(scene.bz.message(scene.key), scene.bz.message(scene.key))
            await scene.read(scene.bz.message(scene.key))
            paused = await scene.counts(), await scene.findings()
            await scene.read(grant, topic=GRANTS)
            await scene.gt.read()

        assert (paused[0]["waiting"], paused[1]) == (2, [("originator_paused", None)])
        assert await scene.held() == [1, 2, 3]
        assert await scene.findings() == []


async def test_what_the_log_no_longer_has_is_a_finding(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        with few(rows=0):
            await scene.read(b"garbage")
        await made_anew(scene)
        await scene.gt.subscriber.retry_all()
        await scene.gt.read()

        assert await deferred(scene) == 0
        assert "records_lost" in [code for code, _ in await scene.findings()]


async def test_an_operator_reads_a_topic_again_and_what_is_stored_stays_as_it_is(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await scene.read(*(scene.bz.message(scene.key) for _ in range(4)), b"garbage")
        before = await scene.everything()
        rereader = Rereader(
            store=scene.gt.store,
            bus=scene.made.bus,
            judge=lambda: scene.gt.judge,
            places=scene.gt.subscriber.places,
            clock=scene.gt.clock,
        )
        rereader.add([PositionRange(REPORTS, 0, 5)])
        records = 0
        while not rereader.is_done:
            records += await rereader.step()

        assert records == 5
        assert await scene.everything() == before


async def test_purged_records_keep_code_and_digest_and_free_their_room(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await scene.read(b"garbage", b"more garbage", scene.bz.message(scene.key, payload=b""))
        purged = await purge_quarantine(scene.gt.store, Filter(code="framing_invalid"), actor="ana")
        listed = await list_quarantine(scene.gt.store)
        await scene.read(b"garbage")

        assert (purged.records, purged.size) == (2, len(b"garbage") + len(b"more garbage"))
        forgeable = sorted((record.code, record.size) for record in listed if not record.authenticated)
        assert forgeable == [("framing_invalid", 7), ("framing_invalid", 12)]
        assert [record.code for record in listed if record.authenticated] == ["payload_malformed"]
        assert [record.code for record in listed if record.purged] == ["framing_invalid"] * 2
        assert await used(scene) == {"refused": 1}
        assert len(await scene.gt.store.read(quarantine_retry.ids)) == 1
        assert (await scene.counts())["duplicate"] == 1


async def test_a_summary_counts_by_code_and_originator(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await scene.read(b"garbage", b"more garbage", scene.bz.message(scene.key, payload=b""))
        groups = await summarise_quarantine(scene.gt.store, Filter())

        assert [(group.code, group.records, group.originator) for group in groups] == [
            ("framing_invalid", 2, "BZ"),
            ("payload_malformed", 1, "BZ"),
        ]
