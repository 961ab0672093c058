"""The lag of the event loop: what blocks the loop shows, and is forgotten after a minute."""

import asyncio
import time

from node.metrics.loop_lag import INTERVAL_SECONDS, LoopLag


async def test_what_blocks_the_loop_shows_in_its_lag() -> None:
    lag, stopping = LoopLag(), asyncio.Event()
    task = asyncio.create_task(lag.measure(stopping))
    await asyncio.sleep(0)
    begun = time.monotonic()
    while time.monotonic() - begun < INTERVAL_SECONDS + 0.3:  # as a long computation does
        pass
    while not lag.worst_seconds:  # noqa: ASYNC110 - the measurement sets no event
        await asyncio.sleep(0)
    stopping.set()
    await task

    assert 0.2 < lag.worst_seconds < 30


async def test_without_a_measurement_the_lag_is_zero() -> None:
    assert LoopLag().worst_seconds == 0
