"""The jobs of a daemon: each one is a task that works until the node stops. A further job is one line in `JOBS`.

Rules:

- A job ends by itself, in its next step, when `stopping` is set.
- A step that raises LogUnavailable or Unavailable is tried again for ever, with growing pauses up to a ceiling.
  Every other error is a bug and ends the daemon.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from typing import Final

import structlog

from broker.log import LogUnavailable
from node.errors import Unavailable
from node.exchange.retry_after_upgrade import retry_after_upgrade
from node.exchange.stalled_streams import StalledStreams
from node.exchange.subscribe import WAITING_ALARM_MS
from node.heartbeats import beat, resting, working
from node.runtime.look_around import LookAround
from node.runtime.open_node import OpenNode
from node.sending.resend import Resender
from node.undecided import pending_lists
from schemas import knowledge

log = structlog.get_logger()

FETCH_WAIT_SECONDS: Final = 0.5  # also how long a stop may wait for a fetch
OWN_GATHER_MS: Final = 100  # how long a record of this node waits, once it is read back, for the next ones
BACKOFF_SECONDS: Final = (0.1, 5.0)
RENEWALS_SECONDS: Final = 30.0  # between two looks at what ends soon
AGE_SECONDS: Final = 10.0  # between two looks at what has aged out
AGE_AGAIN_SECONDS: Final = 0.5  # after a look that found something: other transactions go first
WATCH_SECONDS: Final = 5.0  # between two looks at messages that wait too long
STOP_SECONDS_MAX: Final = 6.0  # of the ten that the contract gives; the rest is for closing
READ_STOP_SECONDS_MAX: Final = 2.0  # records and positions are committed together: nothing is lost

Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of a daemon."""

    name: str
    """The name of its task; log events carry it as `task`."""

    run: Callable[[OpenNode, asyncio.Event], Coroutine[None, None, None]]
    """Works until the event is set."""

    in_reader_processes: bool = False
    """Each reader process does it too, for the originators of its share."""

    stop_seconds: float = STOP_SECONDS_MAX
    """How long its last step may take once the node stops; then it is cancelled, and done again after a start."""


async def _subscribe(node: OpenNode, stopping: asyncio.Event) -> None:
    """Read and ingest; look again at what had to wait when it is due, or when the documents changed."""
    around = LookAround(node)

    async def step() -> None:
        await around.step()
        await node.subscriber.step(FETCH_WAIT_SECONDS, gather_ms=OWN_GATHER_MS)

    await repeat("subscribe", step, stopping)
    with suppress(Unavailable):  # then they are read again
        await node.subscriber.ingest_gathered()


async def _relay(node: OpenNode, stopping: asyncio.Event) -> None:
    """Seal and send; then wait for the next commit to the store."""
    with closing(node.store.watch()) as changes:

        async def step() -> None:
            await node.relay.step()
            with resting():
                await changes.wait(stopping, node.relay.wait_seconds())

        await repeat("relay", step, stopping)


async def _send_receipts(node: OpenNode, stopping: asyncio.Event) -> None:
    """Seal the receipts that are due; the relay sends them."""
    with closing(node.store.watch()) as changes:

        async def step() -> None:
            left = await node.receipt_sealer.step()
            # While receipts are collected, further outcomes only prolong the wait: there is no need to hear of them.
            with resting():
                await (changes.wait(stopping) if left is None else pause(left, stopping))

        await repeat("send_receipts", step, stopping)


async def _watch(node: OpenNode, stopping: asyncio.Event) -> None:
    """Alarms about waiting messages, streams that stand still and the clock; send again what the log lost."""
    alarmed, relay = set[int](), node.relay
    stalled = StalledStreams(store=node.store, bus=node.bus, faults=relay.faults)
    resender = Resender(store=node.store, node=node.code, topic_of=relay.topic_of, acknowledged=relay.acknowledged)

    async def step() -> None:
        await node.clock_watch.step()
        await pause(WATCH_SECONDS, stopping)
        await resender.look(node.clock())
        since = node.clock() - WAITING_ALARM_MS
        overdue = await node.store.read(lambda db: pending_lists.waiting_since(db, since))
        for record in overdue:
            if record.id not in alarmed:
                log.error("message_waits_too_long", **asdict(record))
        alarmed.clear()
        alarmed.update(record.id for record in overdue)
        if stalled.is_due(node.clock()):
            await stalled.look(node.home.places(governance=node.judge.judge.governance), node.clock())

    await repeat("watch", step, stopping)


async def _watch_renewals(node: OpenNode, stopping: asyncio.Event) -> None:
    """Warn before documents, keys and certificates end, report foreign keys, and sign the access log."""

    async def step() -> None:
        await node.renewals.step()
        await node.access_signer.step()
        await pause(RENEWALS_SECONDS, stopping)

    await repeat("watch_renewals", step, stopping)


async def _age(node: OpenNode, stopping: asyncio.Event) -> None:
    """Erase what has expired, also while the log is away, and delete what has aged out; go on soon if there is more."""

    async def step() -> None:
        deleted = await node.eraser.step()
        deleted += await node.ageing.step() if await node.clock_watch.is_plausible(node.clock()) else 0
        await pause(AGE_AGAIN_SECONDS if deleted else AGE_SECONDS, stopping)

    await repeat("age", step, stopping)


async def _retry_after_upgrade(node: OpenNode, stopping: asyncio.Event) -> None:
    """Once: look again at the quarantined records that an earlier version could not read."""

    async def step() -> None:
        await retry_after_upgrade(
            node.store,
            lambda: node.judge.judge,
            digest=knowledge.digest(),
            clock=node.clock,
            stopped=stopping.is_set,
        )
        with resting():
            await stopping.wait()

    await repeat("retry_after_upgrade", step, stopping)


JOBS: Final = (
    Job(name="subscribe", run=_subscribe, in_reader_processes=True, stop_seconds=READ_STOP_SECONDS_MAX),
    Job(name="relay", run=_relay),
    Job(name="send_receipts", run=_send_receipts),
    Job(name="watch", run=_watch),
    Job(name="watch_renewals", run=_watch_renewals),
    Job(name="age", run=_age),
    Job(name="retry_after_upgrade", run=_retry_after_upgrade),
)
"""What every daemon does; the first process does all of it."""


async def repeat(task: str, step: Step, stopping: asyncio.Event) -> None:
    """Repeat `step` until the node stops; while the log or the store is unavailable, pause between two tries."""
    shortest, longest = BACKOFF_SECONDS
    wait = shortest
    unavailable = False
    with working():
        while not stopping.is_set():
            beat()
            try:
                await step()
            except (LogUnavailable, Unavailable) as error:
                if not unavailable:
                    log.error("unavailable", task=task, reason=str(error))
                unavailable = True
                await pause(wait, stopping)
                wait = min(longest, wait * 2)
            else:
                if unavailable:
                    log.info("available_again", task=task)
                unavailable, wait = False, shortest


async def pause(seconds: float, stopping: asyncio.Event) -> None:
    """Wait so long, or until the node stops."""
    with resting(), suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
