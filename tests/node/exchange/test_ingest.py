"""Reading as one transaction: any order, any restart, any repetition ends in the same store and the same findings."""

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
from tests.support.bed import (
    GRANTS,
    REPORTS,
    Bed,
    bed,
)
from tests.support.exchange import exchange
from tests.support.records import NOW, report_of

REPORT = report_of()


def history(one: Bed, *sizes: int) -> list[bytes]:
    """Batches of these sizes, one report a leaf."""
    return [
        value for size in sizes for value in one.bz.batch([one.bz.sealed_leaf(one.key, REPORT) for _ in range(size)])
    ]


def gaps(lost: set[int]) -> set[int]:
    """The first sequence of each run of what did not arrive."""
    return {sequence for sequence in lost if sequence - 1 not in lost}


@pytest.mark.parametrize("seed", range(8))
async def test_in_any_order_everything_is_stored_once_and_each_gap_is_found_and_closed(
    seed: int, tmp_path: Path
) -> None:
    """Findings as the store works them out, from the part of the chain that each handful of records touches."""
    chance = random.Random(seed)
    async with bed(tmp_path) as one:
        values = history(one, 2, 3, 1, 4, 2)
        lost = set(chance.sample(range(1, 12), chance.randint(1, 6)))
        order = [sequence for sequence in range(1, 13) if sequence not in lost]
        chance.shuffle(order)
        await _in_handfuls(one, [values[sequence - 1] for sequence in order], chance)
        open_gaps = {sequence for code, sequence in await one.findings() if code != "out_of_order"}
        codes = {code for code, sequence in await one.findings() if sequence == 1}
        late = sorted(lost, key=lambda _: chance.random())
        await _in_handfuls(one, [values[sequence - 1] for sequence in late], chance)

        assert open_gaps == gaps(lost)
        assert ("head_truncated" in codes) == (1 in lost)
        assert sorted(await one.held()) == list(range(1, 13))
        assert {code for code, _ in await one.findings()} == {"out_of_order"}
        assert await one.quarantine() == []


async def _in_handfuls(one: Bed, values: Sequence[bytes], chance: random.Random) -> None:
    start = 0
    while start < len(values):
        size = chance.randint(1, 4)
        await one.read(*values[start : start + size])
        start += size


async def test_a_history_in_order_has_no_finding(tmp_path: Path) -> None:
    async with bed(tmp_path) as one:
        await _in_handfuls(one, history(one, 2, 3, 1, 4, 2), random.Random(1))

        assert await one.findings() == []


async def test_a_late_record_is_found_at_its_own_sequence(tmp_path: Path) -> None:
    async with bed(tmp_path) as one:
        first, second, third = history(one, 1, 1, 1)
        await one.read(first, third, second)

        assert await one.findings() == [("out_of_order", 2)]


async def test_a_gap_between_two_that_do_not_fit_each_other_stays(tmp_path: Path) -> None:
    """What came late fits its predecessor and not its successor: it is stored, and the gap stays open."""
    async with bed(tmp_path) as one:
        [first] = history(one, 1)
        other = one.bz.fork()
        history(one, 1)
        [third] = history(one, 1)
        [late] = other.batch([other.sealed_leaf(one.key)])
        await one.read(first, third)
        before = await one.findings()
        await one.read(late)

        assert before == [("chain_gap", 2)]
        assert await one.findings() == [("chain_gap", 3), ("out_of_order", 2)]
        assert sorted(await one.held()) == [1, 2, 3]


OVERLAPS = {"at its end": (4, 1), "around it": (2, 4), "from far before": (3, 1024)}


@pytest.mark.parametrize(("first", "size"), OVERLAPS.values(), ids=OVERLAPS)
async def test_equivocation_is_seen_against_what_was_read_before(first: int, size: int, tmp_path: Path) -> None:
    """The other batch names a predecessor that nobody has: only its range gives it away."""
    async with bed(tmp_path) as one:
        await one.read(*history(one, 2, 2))
        fork = one.bz.fork()
        leaves = [one.bz.sealed_leaf(one.key, REPORT) for _ in range(size)]
        await one.read(fork.batch(leaves, first_sequence=first, previous=bytes([9] * 32))[-1])

        assert [kept.record.code for kept in await one.quarantine()] == ["equivocation"]
        assert await one.held() == [1, 2, 3, 4]


async def test_equivocation_is_seen_in_a_long_batch(tmp_path: Path) -> None:
    """Its last leaf lies 1,023 sequences behind its first."""
    async with bed(tmp_path) as one:
        long = one.bz.batch([one.bz.sealed_leaf(one.key, REPORT) for _ in range(1024)])
        await one.read(long[0])
        await one.read(one.bz.batch([one.bz.sealed_leaf(one.key)], first_sequence=1024, previous=bytes([9] * 32))[0])

        assert [kept.record.code for kept in await one.quarantine()] == ["equivocation"]
        assert await one.held() == [1]


def bad_history(one: Bed) -> list[tuple[str, bytes]]:
    """Topic and value of everything that can happen to a record, in an order that makes some of them wait."""
    first = one.bz.message(one.key)
    equivocal = one.bz.fork()
    second = one.bz.batch([one.bz.sealed_leaf(one.key), one.bz.sealed_leaf(one.key, payload=b"")])
    lost = one.bz.message(one.key)
    later = one.bz.message(one.key)
    one.bz.now = NOW + 3_600_000
    ahead = one.bz.message(one.key, REPORT)
    recall = one.bz.recall(one.key, bytes(16))
    return [
        (REPORTS, first),
        (REPORTS, b"garbage"),
        *((REPORTS, value) for value in second),
        (REPORTS, equivocal.message(one.key)),
        (REPORTS, later),
        (REPORTS, first),
        (GRANTS, one.bz.grant(one.grant, sealed_at=NOW)),
        (REPORTS, lost),
        (REPORTS, ahead),
        (REPORTS, recall),
        (REPORTS, b"garbage"),
    ]


async def _lived(folder: Path, restarts: set[int]) -> dict[str, Any]:
    """What is there after each record was read by itself, GT started anew before those at `restarts`."""
    async with bed(folder, grant=False) as one:
        for index, (topic, value) in enumerate(bad_history(one)):
            if index in restarts:
                await one.restart()
            await one.read(value, topic=topic)
        one.made.clock.now = NOW + 3_600_000
        await one.gt.subscriber.retry_due()
        everything = await one.everything()
        async with one.gt.store.read() as db:
            everything["positions"] = await read_positions.next_positions(db)
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


async def test_everything_again_is_counted_and_changes_nothing(tmp_path: Path) -> None:
    async with bed(tmp_path, grant=False) as one:
        records = bad_history(one)
        for topic, value in records:
            await one.send(value, topic=topic)
        await one.gt.read()
        before = await one.everything()
        for topic, value in records:
            await one.send(value, topic=topic)
        await one.gt.read()
        after = await one.everything()

        assert after["counts"].pop("duplicate") == before["counts"].pop("duplicate") + len(records)
        assert after == before


@pytest.mark.parametrize("records", [1, 3])
async def test_a_transaction_that_fails_leaves_nothing_and_the_same_records_are_read_again(
    records: int, tmp_path: Path
) -> None:
    """The last statement fails: neither positions nor chain nor reports are there."""
    async with bed(tmp_path) as one:
        await one.send(*history(one, records))
        async with one.gt.store.write() as db:
            await db.exec_driver_sql(
                "CREATE TRIGGER stop BEFORE INSERT ON counter BEGIN SELECT RAISE(FAIL, 'a test stops it here'); END"
            )
        before = await one.everything()
        with pytest.raises(IntegrityError, match="a test stops it here"):
            await one.gt.read()
        after = await one.everything()
        async with one.gt.store.write() as db:
            await db.exec_driver_sql("DROP TRIGGER stop")
        await one.gt.read()

        assert after == before
        assert await one.held() == list(range(1, records + 1))


async def test_what_waits_is_looked_at_again_after_a_start(tmp_path: Path) -> None:
    """A crash may come after a grant was stored and before what waited for it was decided."""
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
            async with again.store.read() as db:
                found = await message_search.search(db, Query())

        assert [message.report_id for message in found] == [answer.report_id]
