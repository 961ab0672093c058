"""The job that reports to the supervisor whether the process works: the event loop runs, and each job makes progress.

While a job is stuck the supervisor hears nothing, and starts the process again when the time of its watchdog is over.
"""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from node.heartbeats import Heartbeats
from node.supervision.notify import Supervisor

log = structlog.get_logger()

REPORTS_IN_TIME: Final = 3  # of the watchdog: two may be late
LOOK_SECONDS_MAX: Final = 10.0


async def supervise(supervisor: Supervisor, heartbeats: Heartbeats, stopping: asyncio.Event, *, name: str) -> None:
    """Report until the process stops; `name` is what runs, such as a node."""
    wait = min(LOOK_SECONDS_MAX, (supervisor.watchdog_seconds or LOOK_SECONDS_MAX) / REPORTS_IN_TIME)
    stuck: set[str] = set()
    while not stopping.is_set():
        silent = heartbeats.silent()
        for task in silent.keys() - stuck:
            log.error("job_stuck", task=task, seconds=round(silent[task]))
        if silent.keys() != stuck:
            supervisor.status(f"{name}: stuck: {', '.join(sorted(silent))}" if silent else f"{name} runs")
        stuck = set(silent)
        if not stuck:
            supervisor.works()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await stopping.wait()
    supervisor.stopping()
