"""A node as a daemon: one task group that reads, seals and sends until it is told to stop.

Ready means that intake and store are open and reading has begun; it waits neither for the bus nor for the backlog.
A log or a store that is away is retried for ever with a ceiling. Anything else that a task raises is a bug: the group
ends and the process exits with 70; a log client that stays silent, or memory that is used up, asks for a new process
with 75. The end has an order: tasks finish their step, then the log closes, then the store.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Final

import structlog

from broker.log import LogUnavailable
from node.errors import Unavailable
from node.exchange.subscribe import WAITING_ALARM_MS
from node.runtime.open_node import OpenNode
from node.runtime.reader_processes import Children
from node.runtime.restart import restart_of
from node.store import pending_records
from node.store.commit_watch import Changes

log = structlog.get_logger()

FETCH_WAIT_SECONDS: Final = 0.5  # also how long a stop may wait for a fetch
BACKOFF_SECONDS: Final = (0.1, 5.0)
LOOK_AROUND_SECONDS: Final = 0.5  # documents that changed, records that are due
WATCH_SECONDS: Final = 5.0  # messages that wait for a quarter of an hour
STOP_SECONDS_MAX: Final = 6.0  # of the ten that the contract gives; the rest is for closing


async def run(node: OpenNode, ready: Callable[[], None], children: Children) -> None:
    """Run until SIGTERM or SIGINT; `ready` is called once intake and store are open and reading begins."""
    stopping = asyncio.Event()
    changes = Changes(node.store_path)
    try:
        with _signals(stopping):
            await children.start()
            await _group(
                node,
                stopping,
                ready,
                subscribe=_reading(node, stopping),
                relay=_sending(node, changes, stopping),
                watch=_watching(node, stopping),
                children=children.watch(stopping),
            )
    finally:
        await children.end()
        changes.close()
    log.info("node_stopped", node=node.code)


async def read(node: OpenNode, ready: Callable[[], None]) -> None:
    """Do the reading of a child: until stdin ends, which is the end of the daemon, SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    with _signals(stopping), _lifeline(stopping):
        await _group(node, stopping, ready, subscribe=_reading(node, stopping))


async def _group(
    node: OpenNode, stopping: asyncio.Event, ready: Callable[[], None], **jobs: Coroutine[None, None, None]
) -> None:
    """Do all `jobs` until the node stops or one of them fails."""
    await node.subscriber.start()
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(job, name=name) for name, job in jobs.items()]
            ready()
            await stopping.wait()
            log.info("node_stopping", node=node.code)
            await _end_of(*running)
    except BaseExceptionGroup as group:
        if (restart := restart_of(group)) is not None:
            raise restart from group
        raise


@contextmanager
def _lifeline(stopping: asyncio.Event) -> Iterator[None]:
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
def _signals(stopping: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stopping.set)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _end_of(*tasks: asyncio.Task[None]) -> None:
    """Let each task finish its step; what does not within the limit is cancelled, and re-done after the next start."""
    _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS_MAX)
    for task in late:
        log.warning("task_cancelled", task=task.get_name())
        task.cancel()


async def _reading(node: OpenNode, stopping: asyncio.Event) -> None:
    looked_at, judge = node.clock(), node.installed.judge

    async def step() -> None:
        nonlocal looked_at, judge
        if node.clock() - looked_at >= LOOK_AROUND_SECONDS * 1000:
            looked_at, now = node.clock(), node.installed.current()
            await (node.subscriber.retry_due() if now is judge else node.subscriber.retry_all())
            judge = now
        await node.subscriber.step(FETCH_WAIT_SECONDS)

    await _repeat("subscribe", step, stopping)


async def _sending(node: OpenNode, changes: Changes, stopping: asyncio.Event) -> None:
    async def step() -> None:
        sent = await node.relay.step()
        receipts_in = await node.receipting.step()
        if not sent:
            await changes.wait(stopping, receipts_in)

    await _repeat("relay", step, stopping)


async def _watching(node: OpenNode, stopping: asyncio.Event) -> None:
    alarmed: set[int] = set()

    async def step() -> None:
        await _pause(WATCH_SECONDS, stopping)
        async with node.store.read() as db:
            overdue = await pending_records.waiting_since(db, node.clock() - WAITING_ALARM_MS)
        for record in overdue:
            if record.id not in alarmed:
                log.error("message_waits_too_long", **asdict(record))
        alarmed.clear()
        alarmed.update(record.id for record in overdue)

    await _repeat("watch", step, stopping)


async def _repeat(task: str, step: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Repeat `step` until the node stops, backing off while the log or the store is away."""
    least, most = BACKOFF_SECONDS
    wait = least
    away = False
    while not stopping.is_set():
        try:
            await step()
        except (LogUnavailable, Unavailable) as error:
            if not away:
                log.error("unavailable", task=task, reason=str(error))
            away = True
            await _pause(wait, stopping)
            wait = min(most, wait * 2)
        else:
            if away:
                log.info("available_again", task=task)
            away, wait = False, least


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
