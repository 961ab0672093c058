"""Ingest: any order, any restart and any repetition of records ends in the same store with the same findings."""

import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy.exc import IntegrityError

from node.store import message_search, read_positions
from node.store.message_search import Query
from node.undecided import pending_retry
from tests.support.bed import (
    GRANTS,
    REPORTS,
    Bed,
    bed,
)
from tests.support.exchange import exchange
from tests.support.records import NOW, report_of

REPORT = report_of()


def history(scene: Bed, *sizes: int) -> list[bytes]:
    """Batches of these sizes, one report a leaf."""
    return [
        value
        for size in sizes
        for value in scene.bz.batch([scene.bz.sealed_leaf(scene.key, REPORT) for _ in range(size)])
    ]


def gaps(lost: set[int]) -> set[int]:
    """The first sequence of each run of missing sequences."""
    return {sequence for sequence in lost if sequence - 1 not in lost}


@pytest.mark.parametrize("seed", range(8))
async def test_in_any_order_everything_is_stored_once_and_each_gap_is_found_and_closed(
    seed: int, tmp_path: Path
) -> None:
    """The store computes the findings from the part of the chain that each group of records touches."""
    chance = random.Random(seed)
    async with bed(tmp_path) as scene:
        values = history(scene, 2, 3, 1, 4, 2)
        lost = set(chance.sample(range(1, 12), chance.randint(1, 6)))
        order = [sequence for sequence in range(1, 13) if sequence not in lost]
        chance.shuffle(order)
        await _in_handfuls(scene, [values[sequence - 1] for sequence in order], chance)
        open_gaps = {sequence for code, sequence in await scene.findings() if code != "out_of_order"}
        codes = {code for code, sequence in await scene.findings() if sequence == 1}
        late = sorted(lost, key=lambda _: chance.random())
        await _in_handfuls(scene, [values[sequence - 1] for sequence in late], chance)

        assert open_gaps == gaps(lost)
        assert ("head_truncated" in codes) == (1 in lost)
        assert sorted(await scene.held()) == list(range(1, 13))
        assert {code for code, _ in await scene.findings()} == {"out_of_order"}
        assert await scene.quarantine() == []


async def _in_handfuls(scene: Bed, values: Sequence[bytes], chance: random.Random) -> None:
    start = 0
    while start < len(values):
        size = chance.randint(1, 4)
        await scene.read(*values[start : start + size])
        start += size


async def test_a_history_in_order_has_no_finding(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await _in_handfuls(scene, history(scene, 2, 3, 1, 4, 2), random.Random(1))

        assert await scene.findings() == []


async def test_a_late_record_is_found_at_its_own_sequence(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        first, second, third = history(scene, 1, 1, 1)
        await scene.read(first, third, second)

        assert await scene.findings() == [("out_of_order", 2)]


async def test_a_gap_between_two_batches_that_do_not_fit_stays(tmp_path: Path) -> None:
    """The late batch fits its predecessor and not its successor: it is stored, and the gap stays open."""
    async with bed(tmp_path) as scene:
        [first] = history(scene, 1)
        other = scene.bz.fork()
        history(scene, 1)
        [third] = history(scene, 1)
        [late] = other.batch([other.sealed_leaf(scene.key)])
        await scene.read(first, third)
        before = await scene.findings()
        await scene.read(late)

        assert before == [("chain_gap", 2)]
        assert await scene.findings() == [("chain_gap", 3), ("out_of_order", 2)]
        assert sorted(await scene.held()) == [1, 2, 3]


OVERLAPS = {"at its end": (4, 1), "around it": (2, 4), "from far before": (3, 1024)}


@pytest.mark.parametrize(("first", "size"), OVERLAPS.values(), ids=OVERLAPS)
async def test_equivocation_is_detected_against_records_read_before(first: int, size: int, tmp_path: Path) -> None:
    """The other batch names an unknown predecessor: only its range of sequences shows the conflict."""
    async with bed(tmp_path) as scene:
        await scene.read(*history(scene, 2, 2))
        fork = scene.bz.fork()
        leaves = [scene.bz.sealed_leaf(scene.key, REPORT) for _ in range(size)]
        await scene.read(fork.batch(leaves, first_sequence=first, previous=bytes([9] * 32))[-1])

        assert [kept.record.code for kept in await scene.quarantine()] == ["equivocation"]
        assert await scene.held() == [1, 2, 3, 4]


async def test_equivocation_is_detected_in_a_long_batch(tmp_path: Path) -> None:
    """Its last leaf is 1,023 sequences after its first."""
    async with bed(tmp_path) as scene:
        long = scene.bz.batch([scene.bz.sealed_leaf(scene.key, REPORT) for _ in range(1024)])
        await scene.read(long[0])
        await scene.read(
            scene.bz.batch([scene.bz.sealed_leaf(scene.key)], first_sequence=1024, previous=bytes([9] * 32))[0]
        )

        assert [kept.record.code for kept in await scene.quarantine()] == ["equivocation"]
        assert await scene.held() == [1]


def bad_history(scene: Bed) -> list[tuple[str, bytes]]:
    """Topic and value of records with every outcome, in an order in which some of them wait."""
    first = scene.bz.message(scene.key)
    equivocal = scene.bz.fork()
    second = scene.bz.batch([scene.bz.sealed_leaf(scene.key), scene.bz.sealed_leaf(scene.key, payload=b"")])
    lost = scene.bz.message(scene.key)
    later = scene.bz.message(scene.key)
    scene.bz.now = NOW + 3_600_000
    ahead = scene.bz.message(scene.key, REPORT)
    recall = scene.bz.recall(scene.key, bytes(16))
    return [
        (REPORTS, first),
        (REPORTS, b"garbage"),
        *((REPORTS, value) for value in second),
        (REPORTS, equivocal.message(scene.key)),
        (REPORTS, later),
        (REPORTS, first),
        (GRANTS, scene.bz.grant(scene.grant, sealed_at=NOW)),
        (REPORTS, lost),
        (REPORTS, ahead),
        (REPORTS, recall),
        (REPORTS, b"garbage"),
    ]


async def _lived(folder: Path, restarts: set[int]) -> dict[str, Any]:
    """The state after each record was read alone, with GT restarted before those at `restarts`."""
    async with bed(folder, grant=False) as scene:
        for index, (topic, value) in enumerate(bad_history(scene)):
            if index in restarts:
                await scene.restart()
            await scene.read(value, topic=topic)
        scene.made.clock.now = NOW + 3_600_000
        await scene.gt.subscriber.retry_due()
        everything = await scene.everything()
        everything["positions"] = await scene.gt.store.read(read_positions.next_positions)
        everything["quarantine"] = [(code, position) for code, position, _ in everything["quarantine"]]
        return everything


async def test_a_restart_between_any_two_records_loses_and_doubles_nothing(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("none", "each")]
    for folder in folders:
        folder.mkdir()
    expected, each = await _lived(folders[0], set()), await _lived(folders[1], set(range(20)))

    assert expected["held"] == [1, 2, 4, 5, 6]
    assert [code for code, _ in expected["quarantine"]] == ["equivocation", "framing_invalid", "payload_malformed"]
    assert each == expected


async def test_records_that_come_again_are_counted_and_change_nothing(tmp_path: Path) -> None:
    async with bed(tmp_path, grant=False) as scene:
        records = bad_history(scene)
        for topic, value in records:
            await scene.send(value, topic=topic)
        await scene.gt.read()
        before = await scene.everything()
        for topic, value in records:
            await scene.send(value, topic=topic)
        await scene.gt.read()
        after = await scene.everything()

        assert after["counts"].pop("duplicate") == before["counts"].pop("duplicate") + len(records)
        assert after == before


@pytest.mark.parametrize("records", [1, 3])
async def test_a_transaction_that_fails_leaves_nothing_and_the_same_records_are_read_again(
    records: int, tmp_path: Path
) -> None:
    """The last statement fails: neither positions nor chain nor reports are there."""
    async with bed(tmp_path) as scene:
        await scene.send(*history(scene, records))
        await scene.gt.store.write(
            lambda db: db.exec_driver_sql(
                "CREATE TRIGGER stop BEFORE INSERT ON counter BEGIN SELECT RAISE(FAIL, 'a test stops it here'); END"
            )
        )
        before = await scene.everything()
        with pytest.raises(IntegrityError, match="a test stops it here"):
            await scene.gt.read()
        after = await scene.everything()
        await scene.gt.store.write(lambda db: db.exec_driver_sql("DROP TRIGGER stop"))
        await scene.gt.read()

        assert after == before
        assert await scene.held() == list(range(1, records + 1))


async def test_waiting_records_are_looked_at_again_after_a_start(tmp_path: Path) -> None:
    """A crash may come after a grant was stored and before the records that waited for it were decided."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        gt = made.nodes["GT"]
        answer = await made.nodes["BZ"].publish()
        keys = gt.subscriber.places.pop("keys.bz")
        await gt.subscriber.start()
        await gt.read()
        gt.subscriber.places["keys.bz"] = keys
        await gt.subscriber.start()
        with patch.object(gt.subscriber, "retry_for", side_effect=RuntimeError("killed")), pytest.raises(RuntimeError):
            await gt.read()
        async with AsyncExitStack() as stack:
            again = await made.add(stack, "GT")
            await again.read()
            found = await again.store.read(lambda db: message_search.search(db, Query()))

        assert [message.report_id for message in found] == [answer.report_id]


async def test_records_that_wait_for_a_grant_that_is_named_twice_are_found_once(tmp_path: Path) -> None:
    """A broker that delivers grants in another order makes a grant new twice in one ingest."""
    async with bed(tmp_path, grant=False) as scene:
        await scene.read(scene.bz.message(scene.key), scene.bz.message(scene.key))
        twice = [("BZ", 1), ("BZ", 1)]
        found = await scene.gt.store.read(lambda db: pending_retry.waiting_for(db, twice, limit=10))

        assert [record.sequence for record in found] == [1, 2]
