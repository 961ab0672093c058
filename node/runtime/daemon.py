"""A node as a daemon: one task group that runs the jobs (jobs.py) until a signal ends it.

Ready means that intake and store are open and reading has begun; it waits neither for the bus nor for the backlog. If
a job fails, the group ends and the process exits with 70. A log client that stays silent, or memory that is used up,
asks for a new process with 75. The end has an order: jobs finish their step, then the reader processes end, then the
log closes, then the store.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

import structlog

from node.database.backend import StoreClaim
from node.errors import RestartNeeded
from node.runtime.event_counts import INTERVAL_SECONDS, EventCounts
from node.runtime.jobs import JOBS, Job, pause, repeat
from node.runtime.open_node import OpenNode
from node.runtime.reader_processes import ReaderProcesses
from node.runtime.restart import refusal_of, restart_of
from node.runtime.single_daemon import claimed
from node.supervision.notify import supervisor
from node.supervision.start_objects import keep_start_objects
from node.supervision.supervise import supervise

log = structlog.get_logger()

CLAIM_SECONDS: Final = 5.0  # between two looks at the claim to the store


async def run(
    node: OpenNode,
    ready: Callable[[], None],
    readers: ReaderProcesses,
    counts: EventCounts | None = None,
    further: Sequence[Job] = (),
) -> None:
    """Run all jobs until SIGTERM or SIGINT; `ready` is called once intake and store are open and reading begins.

    `counts` are the events that the log of this process counts; they are written at intervals, and at the end.
    `further` are jobs of packages above this one, such as the gateway.
    Raises Unavailable `already_running` if another daemon works on the store.
    """
    stopping = asyncio.Event()
    claim, service = node.store.claim(), supervisor()
    watching = Job(name="reader_processes", run=lambda _node, stop: readers.watch(stop))
    holding = Job(name="hold_store", run=lambda _node, stop: repeat("hold_store", partial(_hold, claim, stop), stop))
    reporting = Job(
        name="supervise", run=lambda node, stop: supervise(service, node.heartbeats, stop, name=f"node {node.code}")
    )

    def begun() -> None:
        keep_start_objects()
        ready()
        service.ready(f"node {node.code} runs")

    try:
        with stopped_by_signals(stopping), claimed(claim):
            await readers.start()
            await _group(node, stopping, begun, [*JOBS, watching, holding, reporting, *further, *_writing(counts)])
    finally:
        await readers.end()
        _write_all(counts)
    log.info("node_stopped", node=node.code)


async def _hold(claim: StoreClaim, stopping: asyncio.Event) -> None:
    """Look whether this process still has the store for itself; raises RestartNeeded if another daemon took it."""
    await pause(CLAIM_SECONDS, stopping)
    if not stopping.is_set() and not await asyncio.to_thread(claim.take):
        raise RestartNeeded(
            "already_running",
            "the connection to the store ended, and another daemon took the store",
            path="store.url",
            hint="end one of the two daemons; two nodes never share a store",
        )


async def read(node: OpenNode, ready: Callable[[], None], counts: EventCounts | None = None) -> None:
    """Run the jobs of a reader process until its stdin ends, as the daemon ended, or until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    jobs = [job for job in JOBS if job.in_reader_processes]
    try:
        with stopped_by_signals(stopping), _end_of_stdin(stopping):
            await _group(node, stopping, ready, [*jobs, *_writing(counts)])
    finally:
        _write_all(counts)


def _writing(counts: EventCounts | None) -> list[Job]:
    """The job that writes the counts of log events."""
    if counts is None:
        return []

    return [Job(name="write_event_counts", run=lambda _node, stopping: write_counts(counts, stopping))]


async def write_counts(counts: EventCounts, stopping: asyncio.Event) -> None:
    """Write the counts of log events at intervals until the process stops."""
    while not stopping.is_set():
        await pause(INTERVAL_SECONDS, stopping)
        counts.write()


def _write_all(counts: EventCounts | None) -> None:
    """Write what was counted since the last line, as the process ends."""
    if counts is not None:
        counts.write(everything=True)


async def _group(node: OpenNode, stopping: asyncio.Event, ready: Callable[[], None], jobs: Sequence[Job]) -> None:
    """Run all `jobs` until the node stops or one of them fails."""
    node.own_streams.stopping = stopping
    await node.subscriber.start()
    try:
        async with asyncio.TaskGroup() as group:
            watched = node.heartbeats.watched
            tasks = {
                group.create_task(watched(job.name, partial(job.run, node, stopping)), name=job.name): job
                for job in jobs
            }
            ready()
            await stopping.wait()
            log.info("node_stopping", node=node.code)
            await _end_of(tasks)
    except BaseExceptionGroup as failed:
        if (restart := restart_of(failed)) is not None:
            raise restart from failed
        if (refusal := refusal_of(failed)) is not None:
            raise refusal from failed
        raise


@contextmanager
def _end_of_stdin(stopping: asyncio.Event) -> Iterator[None]:
    """Stop when the other end of stdin is closed; nothing is ever written to it."""
    loop, stdin = asyncio.get_running_loop(), sys.stdin.fileno()

    def look() -> None:
        if not os.read(stdin, 1):
            loop.remove_reader(stdin)
            stopping.set()

    loop.add_reader(stdin, look)
    try:
        yield
    finally:
        loop.remove_reader(stdin)


@contextmanager
def stopped_by_signals(stopping: asyncio.Event) -> Iterator[None]:
    """Set `stopping` on SIGTERM and SIGINT during the block."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


async def _end_of(tasks: Mapping[asyncio.Task[None], Job]) -> None:
    """Let each task finish its step; cancel a task above its limit, whose step is done again after the next start."""
    begun, loop = asyncio.get_running_loop().time(), asyncio.get_running_loop()
    for seconds in sorted({job.stop_seconds for job in tasks.values()}):
        await asyncio.wait(tasks, timeout=max(0.0, begun + seconds - loop.time()))
        for task, job in tasks.items():
            if job.stop_seconds == seconds and not task.done():
                log.warning("task_cancelled", task=task.get_name())
                task.cancel()
