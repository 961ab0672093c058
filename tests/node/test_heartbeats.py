"""Heartbeats: a job that works and makes no progress is silent; one that waits for something to do is not."""

import asyncio
from pathlib import Path

from node.database.engine import Store
from node.heartbeats import Heartbeats, beat, resting, working


class Time:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_job_that_works_and_does_not_beat_is_silent() -> None:
    time, begun, go_on, end = Time(), asyncio.Event(), asyncio.Event(), asyncio.Event()
    jobs = Heartbeats(time)

    async def work() -> None:
        with working():
            begun.set()
            await go_on.wait()
            beat()
            await end.wait()

    task = asyncio.create_task(jobs.watched("relay", work))
    await begun.wait()
    time.now = 300
    assert jobs.silent(300) == {"relay": 300}
    assert jobs.silent(301) == {}
    go_on.set()
    await asyncio.sleep(0)
    assert jobs.silent(300) == {}
    time.now = 700
    assert jobs.silent(300) == {"relay": 400}
    end.set()
    await task
    assert jobs.silent(0) == {}


async def test_a_job_that_rests_or_has_no_steps_is_never_silent() -> None:
    time, end = Time(), asyncio.Event()
    jobs = Heartbeats(time)

    async def rest() -> None:
        with working(), resting():
            await end.wait()

    async def wait() -> None:
        await end.wait()

    tasks = [asyncio.create_task(jobs.watched(name, work)) for name, work in (("rest", rest), ("wait", wait))]
    await asyncio.sleep(0)
    time.now = 1e6
    assert jobs.silent(0) == {}
    end.set()
    await asyncio.gather(*tasks)


async def test_a_task_that_a_job_started_beats_for_it_and_does_not_rest_for_it() -> None:
    time, rested, end = Time(), asyncio.Event(), asyncio.Event()
    jobs = Heartbeats(time)

    async def part() -> None:
        beat()
        with resting():
            rested.set()
            await end.wait()

    async def work() -> None:
        with working():
            time.now = 100
            await asyncio.create_task(part())

    task = asyncio.create_task(jobs.watched("work", work))
    await rested.wait()
    assert jobs.silent(1) == {}
    time.now = 200
    assert jobs.silent(1) == {"work": 100}
    end.set()
    await task


async def test_each_transaction_of_the_store_is_a_beat(tmp_path: Path) -> None:
    """A long step of many transactions is not taken for a stuck job."""
    time, jobs = Time(), None
    jobs = Heartbeats(time)
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")

    async def work() -> None:
        with working():
            for transaction in (store.read, store.write):
                time.now += 500
                assert jobs.silent(300)
                await transaction(lambda _: None)
                assert not jobs.silent(300)

    await jobs.watched("work", work)
    await store.close()


def test_a_beat_outside_a_job_does_nothing() -> None:
    jobs = Heartbeats(Time())
    beat()
    with resting():
        beat()

    assert jobs.silent(0) == {}
