"""Records that cost much to decide about: the node does its other work meanwhile, stops in time, and loses nothing."""

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from node.exchange.arrival import Arrival
from node.exchange.portions import BYTES_IN_TRANSACTION_MAX, portions
from node.stages import StreamId
from schemas.avro import codec
from tests.support.bed import REPORTS, Bed, bed
from tests.support.bombs import REPORTS as BOMBS

BLOCKED_SECONDS_MAX = 0.4  # of processor time: one record takes 0.13
STOP_SECONDS_MAX = 4.0  # a record, and a transaction that has begun
TICK_SECONDS = 0.005
RECORDS = 12  # one portion has eight
PLACE = StreamId(stream="intel.caribbean", originator="BZ")


def bombs(scene: Bed, count: int) -> list[bytes]:
    """Lawful records of the longest size, with as many identifiers as fit."""
    report = BOMBS["names in Cyrillic"]()
    payload = codec.unsafe_encode(report)
    return [scene.bz.message(scene.key, report, payload=payload) for _ in range(count)]


async def longest_block(work: Coroutine[Any, Any, Any]) -> tuple[float, float]:
    """Do the work; returns for how long the event loop computed without a turn at most, and in all.

    Both are processor time of its thread, which does not depend on other processes.
    """
    longest, begun = 0.0, time.thread_time()
    task = asyncio.ensure_future(work)
    while not task.done():
        before = time.thread_time()
        await asyncio.wait([task], timeout=TICK_SECONDS)
        longest = max(longest, time.thread_time() - before)
    await task
    return longest, time.thread_time() - begun


async def test_the_event_loop_is_not_blocked_while_hostile_records_come_in(tmp_path: Path) -> None:
    """Sending, receipts and signals are not delayed by more than one record."""
    async with bed(tmp_path) as scene:
        await scene.send(*bombs(scene, RECORDS))

        longest, together = await longest_block(scene.gt.read())

        assert longest < BLOCKED_SECONDS_MAX < together
        assert len(await scene.held()) == RECORDS


async def test_a_step_over_hostile_records_ends_soon_after_it_is_cancelled_and_is_done_again(tmp_path: Path) -> None:
    """As when a daemon is told to stop; nothing is lost or stored twice."""
    async with bed(tmp_path) as scene:
        await scene.send(*bombs(scene, RECORDS))
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(scene.gt.subscriber.step(0))
        await asyncio.wait([task], timeout=0.5)
        begun = loop.time()
        task.cancel()
        await asyncio.wait([task])
        stopped = loop.time() - begun
        await scene.gt.read()

        assert task.cancelled()
        assert stopped < STOP_SECONDS_MAX
        assert sorted(await scene.held()) == list(range(1, RECORDS + 1))


async def test_unlawful_reports_of_one_originator_do_not_delay_the_reports_behind_them(tmp_path: Path) -> None:
    """Sixty reports with a thousand wrong connections each."""
    async with bed(tmp_path) as scene:
        wrong = BOMBS["connections to nowhere"]()
        await scene.send(*(scene.bz.message(scene.key, wrong) for _ in range(60)), scene.bz.message(scene.key))

        longest, together = await longest_block(scene.gt.read())

        assert await scene.held() == [61]
        assert longest < BLOCKED_SECONDS_MAX
        assert together < 60 * 0.44
        assert {kept.record.code for kept in await scene.quarantine()} == {"payload_malformed"}


def arrival(position: int, size: int, topic: str = REPORTS) -> Arrival:
    return Arrival(topic=topic, place=PLACE, position=position, value=bytes(size))


def test_short_records_share_one_portion() -> None:
    arrivals = [arrival(number, 2_000) for number in range(500)]
    [portion] = portions(arrivals, {REPORTS: 600})

    assert (portion.arrivals, portion.positions) == (arrivals, {REPORTS: 600})


def test_no_portion_is_longer_than_the_limit_unless_it_is_one_record() -> None:
    """The order stays, and each portion says where each of its topics goes on."""
    half = BYTES_IN_TRANSACTION_MAX // 2
    arrivals = [
        arrival(0, half),
        arrival(5, half, "other"),
        arrival(1, 1),
        arrival(2, 2 * BYTES_IN_TRANSACTION_MAX),
        arrival(4, 1),
    ]
    made = list(portions(arrivals, {REPORTS: 9, "other": 7}))

    assert [portion.arrivals for portion in made] == [arrivals[:2], arrivals[2:3], arrivals[3:4], arrivals[4:]]
    assert [portion.positions for portion in made] == [
        {REPORTS: 1, "other": 7},
        {REPORTS: 2},
        {REPORTS: 3},
        {REPORTS: 9},
    ]


def test_records_that_were_read_before_move_no_position() -> None:
    [portion] = portions([arrival(0, 1)], {})

    assert portion.positions == {}
    assert list(portions([], {})) == []
