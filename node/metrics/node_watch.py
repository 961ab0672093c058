"""Watches one node for the health requests and for metrics, from inside the process that serves them.

Nothing is opened or started before the first question. Each question is asked once at a time and its answer is kept for
a moment, so that frequent questions cost little.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from broker.log import Log, LogUnavailable
from node.database.engine import Store, Transaction
from node.errors import Unavailable, UsageError
from node.health.documents import Documents, look_at_documents
from node.health.machine import SPACE_BYTES_MIN
from node.health.problem import Problem
from node.heartbeats import Heartbeats
from node.metrics.figures import Figures, free_space, look_at_figures
from node.metrics.loop_lag import LoopLag
from node.metrics.progress import Progress, Work
from node.metrics.readiness import ProblemTimes
from node.metrics.recent import Recent
from node.metrics.requests import RequestMetrics
from node.metrics.work_left import kept, work_left
from node.runtime.home import Home
from node.runtime.installed_documents import InstalledDocuments
from node.runtime.open_node import open_bus
from node.runtime.single_daemon import is_running
from node.store import counters
from node.tallies import PROBED

READY_SECONDS_MAX: Final = 2.0  # for the store, and for the log
FIGURES_SECONDS_MAX: Final = 30.0
KEEP_SECONDS: Final = 1.0
DOCUMENTS_KEEP_SECONDS: Final = 30.0


@dataclass(slots=True, kw_only=True)
class NodeWatch:
    """The watch of one process over one node."""

    home: Home
    store: Store
    documents: InstalledDocuments
    clock: Callable[[], int]
    """The time in ms."""

    stopping: asyncio.Event
    heartbeats: Heartbeats | None = None
    """Of the daemon, if this process is the daemon."""

    requests: RequestMetrics = field(default_factory=RequestMetrics)
    lag: LoopLag = field(default_factory=LoopLag)
    _bus: "asyncio.Future[Log] | None" = None
    _held: list[asyncio.Task[None]] = field(default_factory=list)
    _progress: Progress = field(default_factory=Progress)
    _alive_times: ProblemTimes = field(default_factory=ProblemTimes)
    _ready_times: ProblemTimes = field(default_factory=ProblemTimes)
    _probe: Recent[None] = field(init=False)
    _work: Recent[Work] = field(init=False)
    _ready: Recent[tuple[Problem, ...]] = field(init=False)
    _documents: Recent[Documents] = field(init=False)
    _figures: Recent[Figures] = field(init=False)

    def __post_init__(self) -> None:
        """Ask nothing yet."""
        self._probe = Recent(lambda: self.store.write(_probe), keep_seconds=KEEP_SECONDS / 2)
        self._work = Recent(self._look_at_work, keep_seconds=KEEP_SECONDS / 2)
        self._ready = Recent(self._look_whether_ready, keep_seconds=KEEP_SECONDS)
        self._documents = Recent(self._look_at_documents, keep_seconds=DOCUMENTS_KEEP_SECONDS)
        self._figures = Recent(self._look_at_figures, keep_seconds=KEEP_SECONDS)

    def alive(self) -> tuple[Problem, ...]:
        """What is wrong with this process: jobs that are stuck. That it answers shows that its event loop runs."""
        self._start()
        silent = self.heartbeats.silent() if self.heartbeats is not None else {}
        now = self.clock()
        return self._alive_times.problems(
            {("job_stuck", job): now - int(seconds * 1000) for job, seconds in silent.items()}, now
        )

    async def ready(self) -> tuple[Problem, ...]:
        """Why the node is not ready: it cannot write, or it is neither caught up nor makes progress."""
        self._start()
        return await self._ready.get(2 * READY_SECONDS_MAX)

    async def figures(self) -> Figures:
        """The newest figures. Raises Unavailable, and TimeoutError."""
        self._start()
        return await self._figures.get(FIGURES_SECONDS_MAX)

    async def close(self) -> None:
        """End what was started."""
        for question in (self._ready, self._figures, self._work, self._documents, self._probe):
            await question.close()
        for task in self._held:
            task.cancel()
        if self._held:
            await asyncio.wait(self._held)

    def _start(self) -> None:
        """Measure the loop from the first question on, until the process stops."""
        if not self._held:
            self._held.append(asyncio.create_task(self.lag.measure(self.stopping)))

    async def _log(self) -> Log:
        """The log, which stays open until the process stops."""
        if self._bus is None:
            self._bus = asyncio.get_running_loop().create_future()
            self._held.append(asyncio.create_task(self._hold_bus(self._bus)))
        return await asyncio.shield(self._bus)

    async def _hold_bus(self, opened: "asyncio.Future[Log]") -> None:
        try:
            async with open_bus(self.home) as bus:
                opened.set_result(bus)
                await self.stopping.wait()
        except UsageError as error:
            opened.set_exception(error)

    async def _look_whether_ready(self) -> tuple[Problem, ...]:
        now, code, found = self.clock(), self.home.node, dict[tuple[str, str], int | None]()
        if (fault := await self._fault_of(self._probe)) is not None:
            found[fault, "store"] = None
        if any(free < SPACE_BYTES_MIN for free in free_space(self.home).values()):
            found["disk_full", "volume"] = None
        if self.heartbeats is None and not is_running(self.home.path):
            found["daemon_down", code] = None
        elif not found:
            found |= dict.fromkeys(await self._stalls())
        return self._ready_times.problems(found, now)

    async def _fault_of(self, probe: Recent[None]) -> str | None:
        """The code of why the store cannot be written; None if it can."""
        try:
            await probe.get(READY_SECONDS_MAX)
        except (Unavailable, UsageError) as error:
            return error.code
        except TimeoutError:
            return "store_unavailable"
        return None

    async def _stalls(self) -> list[tuple[str, str]]:
        try:
            work = await self._work.get(READY_SECONDS_MAX)
        except (LogUnavailable, UsageError, TimeoutError):
            return [("bus_unavailable", "bus")]
        except Unavailable as error:
            return [(error.code, "store")]
        stalled = self._progress.stalled(work, asyncio.get_running_loop().time())
        return [(code, self.home.node) for code in stalled]

    async def _look_at_work(self) -> Work:
        places = self.home.places(governance=self.documents.current())
        bounds = await (await self._log()).bounds(list(places))
        return work_left(places, bounds, await self.store.read(kept), self.home.node)

    async def _look_at_documents(self) -> Documents:
        return await asyncio.to_thread(look_at_documents, self.home, self.clock())

    async def _look_at_figures(self) -> Figures:
        documents = await self._documents.get(FIGURES_SECONDS_MAX)
        return await look_at_figures(self.home, self.store, await self._log(), documents, self.clock())


def _probe(db: Transaction) -> None:
    """Write one row, as a report would be written."""
    counters.increase(db, {PROBED: 1})
