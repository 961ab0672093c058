"""Which jobs of a process make progress.

A job beats at the end of each step and of each transaction of the store, so that a long step is not taken for a stuck
one. A job that waits for something to do rests, and may be silent for ever. Tasks that a job starts beat for it.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

SILENT_SECONDS_MAX: Final = 300.0
"""Longer than any transaction, fetch or append may take: a job that is silent for so long is stuck."""


@dataclass(slots=True, kw_only=True)
class _Job:
    """One job that runs."""

    task: asyncio.Task[None] | None
    seconds: Callable[[], float]
    beat_at: float
    rests: bool = True
    """Until it begins to repeat its step. A job without such steps always rests."""


_CURRENT: ContextVar[_Job | None] = ContextVar("job", default=None)


def beat() -> None:
    """The job of this task has made progress. Outside a job this does nothing."""
    job = _CURRENT.get()
    if job is not None:
        job.beat_at = job.seconds()


@contextmanager
def resting() -> Iterator[None]:
    """The job of this task waits for something to do."""
    with _rests(True):
        yield


@contextmanager
def working() -> Iterator[None]:
    """The job of this task works, except while it rests."""
    with _rests(False):
        yield


@contextmanager
def _rests(value: bool) -> Iterator[None]:
    job = _CURRENT.get()
    if job is None or job.task is not asyncio.current_task():  # a task that the job started does not rest for it
        yield
        return
    before, job.rests = job.rests, value
    job.beat_at = job.seconds()
    try:
        yield
    finally:
        job.rests = before
        job.beat_at = job.seconds()


class Heartbeats:
    """The jobs of one process."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._jobs: dict[str, _Job] = {}

    async def watched(self, name: str, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run `work` as the job `name`."""
        job = self._jobs[name] = _Job(task=asyncio.current_task(), seconds=self._seconds, beat_at=self._seconds())
        _CURRENT.set(job)  # of this task, which runs this job only
        try:
            await work()
        finally:
            del self._jobs[name]

    def silent(self, seconds: float = SILENT_SECONDS_MAX) -> dict[str, float]:
        """The jobs that work and have not beaten for `seconds` or longer -> for how many seconds."""
        now = self._seconds()
        waits = {name: now - job.beat_at for name, job in self._jobs.items() if not job.rests}
        return {name: wait for name, wait in waits.items() if wait >= seconds}
