"""Kills a node before a given statement of its next step; the node runs in its own process.

Each statement of the store's connections counts, BEGIN and COMMIT too. The processes are forks of a process that has
imported everything and started nothing, so that a hundred of them take seconds.
"""

import asyncio
import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, event

from broker.bus import open_log
from node.runtime.home import open_home
from node.runtime.open_node import open_node

STEP_SECONDS_MAX: Final = 60.0
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.support.crash"])


async def step(home: Path, bus: str) -> None:
    """Read the log, seal and send the accepted reports, and read them back."""
    log = open_log(bus, home)
    try:
        async with open_node(open_home(home), bus=log) as node:
            await node.subscriber.start()
            await node.subscriber.step(0)
            await node.relay.step()
            await node.subscriber.step(0)
    finally:
        await log.close()


def step_killed_before(statement: int, home: Path, bus: str) -> bool:
    """Run one step of the node of `home`, killed before its n-th statement. False if it has fewer statements."""
    process = _context.Process(target=_run, args=(statement, home, bus))
    process.start()
    process.join(STEP_SECONDS_MAX)
    if process.is_alive():
        process.kill()
        raise AssertionError("the step did not end")
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def _run(statement: int, home: Path, bus: str) -> None:
    counted = 0

    def count(*_: Any) -> None:
        nonlocal counted
        counted += 1
        if counted == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    for moment in ("before_cursor_execute", "commit", "rollback"):
        event.listen(Engine, moment, count)
    asyncio.run(step(home, bus))
