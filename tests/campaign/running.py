"""One node of a campaign: a real home, opened as a daemon opens it, whose jobs take one step each in a turn.

An error ends the node as it ends a daemon, with the same exit code, and the next turn starts it again, as a supervisor
does.
"""

import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from broker.log import Log, LogUnavailable
from node.errors import EnlaceError, Unavailable, UsageError
from node.exchange.retry_after_upgrade import retry_after_upgrade
from node.health.documents import look_at_documents
from node.health.machine import machine_problems
from node.health.problem import Problem
from node.health.records import record_problems
from node.health.standing_findings import finding_problems
from node.health.status import look
from node.reports.validate import validate
from node.runtime.home import Home, open_home
from node.runtime.look_around import LookAround
from node.runtime.open_intake import open_intake, publisher
from node.runtime.open_node import OpenNode, open_node
from node.runtime.restart import refusal_of, restart_of
from node.runtime.single_daemon import is_running, only_daemon
from node.sending.publish import Publisher
from node.sending.resend import Resender
from node.store import outbox
from node.uptime import SinceBoot
from schemas import knowledge
from tests.campaign.oracle import Accepted, Ended
from tests.campaign.sightings import Sightings, Where, kept_in
from tests.support.exchange import report

STEPS_IN_TURN_MAX = 40
EXIT_FAULT, EXIT_RESTART, EXIT_REFUSED = 70, 75, 2

Step = Callable[[], Awaitable[Any]]


@dataclass(slots=True)
class NodeClock:
    """The clock of one node: that of the world, with the error of its machine."""

    world: Callable[[], int]
    ahead_ms: int = 0

    def __call__(self) -> int:
        """The time in ms."""
        return self.world() + self.ahead_ms


@dataclass(slots=True, kw_only=True)
class RunningNode:
    """One honest node."""

    code: str
    path: Path
    open_bus: Callable[[], Log]
    clock: NodeClock
    seen: Sightings
    is_wanted: bool = True
    """False: its operator has stopped the daemon."""

    takes_reports: bool = True
    """False: its operator hands no report in."""

    ended: list[Ended] = field(default_factory=list)
    node: OpenNode | None = None
    _home: Home | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _around: LookAround | None = None
    _resender: Resender | None = None

    @property
    def home(self) -> Home:
        """Its home; the configuration is read once, as no attack changes it."""
        if self._home is None:
            self._home = open_home(self.path)
        return self._home

    @property
    def opened(self) -> OpenNode:
        """The parts of the node while it runs."""
        if self.node is None:
            raise AssertionError(f"{self.code} does not run")
        return self.node

    async def start(self) -> None:
        """Open everything, as `run` does."""
        async with AsyncExitStack() as stack:
            stack.enter_context(only_daemon(self.path))
            bus = self.open_bus()
            stack.push_async_callback(bus.close)
            node = await stack.enter_async_context(open_node(self.home, now=self.clock, bus=bus))
            node.documents._now = self.clock
            await node.subscriber.start()
            self._stack = stack.pop_all()
        node.clock_watch.machine = lambda: SinceBoot(boot="campaign", ms=self.clock.world())
        self.node, self._around = node, LookAround(node)
        self._resender = Resender(
            store=node.store, node=self.code, topic_of=node.relay.topic_of, acknowledged=node.relay.acknowledged
        )
        knows = knowledge.digest()
        await retry_after_upgrade(
            node.store, lambda: node.judge.judge, digest=knows, clock=self.clock, stopped=lambda: False
        )

    async def stop(self) -> None:
        """End it as SIGTERM does, or after a fault."""
        self.node = None
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    def jobs(self) -> dict[str, Step]:
        """One step of each job of a daemon (node/runtime/jobs.py)."""
        node = self.opened
        return {
            "subscribe": self._subscribe,
            "relay": node.relay.step,
            "send_receipts": node.receipt_sealer.step,
            "watch": self._watch,
            "watch_renewals": node.renewals.step,
            "age": self._age,
        }

    async def turn(self) -> None:
        """One step of each job; starts the node first if it does not run."""
        self.seen.acting = self.code
        if not self.is_wanted:
            return
        if self.node is None and not await self._survives(self.start):
            return
        for step in self.jobs().values():
            if not await self._survives(step):
                return

    async def _subscribe(self) -> None:
        if self._around is None:
            raise AssertionError("it was made when the node started")
        await self._around.step()
        for _ in range(STEPS_IN_TURN_MAX):
            if not await self.opened.subscriber.step(0):
                return

    async def _watch(self) -> None:
        await self.opened.clock_watch.step()
        if self._resender is not None:
            await self._resender.look(self.clock())

    async def _age(self) -> None:
        node = self.opened
        await node.eraser.step()
        if await node.clock_watch.is_plausible(self.clock()):
            await node.ageing.step()

    async def _survives(self, step: Step) -> bool:
        """Take the step; what would end the daemon ends the node."""
        try:
            await step()
        except LogUnavailable:
            self.seen.add(self.code, Where.UNAVAILABLE, "log")
        except Unavailable as error:
            self.seen.add(self.code, Where.UNAVAILABLE, error.code)
        except Exception as error:
            self.ended.append(Ended(node=self.code, code=exit_code(error), reason=reason_of(error)))
            self.seen.add(self.code, Where.EXIT, error.code if isinstance(error, EnlaceError) else type(error).__name__)
            await self.stop()
            return False
        return self.node is not None

    async def accept(self, text: str, subject: str, **changes: Any) -> Accepted | None:
        """Hand a report in while the daemon runs; None if it was not accepted."""
        node = self.opened
        made = publisher(self.home, node.store, node.documents, now=self.clock)
        return await self._accept(made, text, subject, changes)

    async def accept_alone(self, text: str, subject: str, **changes: Any) -> Accepted | None:
        """Hand a report in by `publish`, which needs neither daemon nor private key."""
        async with open_intake(self.home, now=self.clock) as intake:
            return await self._accept(intake.publisher, text, subject, changes)

    async def _accept(self, made: Publisher, text: str, subject: str, changes: Mapping[str, Any]) -> Accepted | None:
        fields = {"narrative": {"text": text, "language": "en"}, "subjects": [subject], **changes}
        now = self.clock()
        self.seen.acting = self.code
        try:
            draft = validate(
                report(**fields),
                originator=self.code,
                topology=self.home.topology,
                now_ms=now,
                resolve_references={},
            )
            [answer] = await made.accept([draft], actor="campaign")
        except EnlaceError as error:
            self.seen.add(self.code, Where.STATUS, error.code)
            return None
        if answer.outcome != "accepted":
            self.seen.add(self.code, Where.STATUS, answer.error.code if answer.error else answer.outcome)
            return None
        return Accepted(originator=self.code, report_id=answer.report_id, subject=subject, at=self.clock.world())

    async def observe(self, *, status: bool) -> None:
        """Note what the store of the node shows now, and what `status` lists, if it is asked."""
        self.seen.acting = self.code
        if self.node is not None:
            self.seen.seen |= await self.node.store.read(lambda db: kept_in(db, self.code))
        if status:
            self.seen.add(self.code, Where.STATUS, *(found.code for found in await self._problems()))

    async def _problems(self) -> list[Problem]:
        """The problems that `status` lists, from the view that the node has of the log."""
        running = is_running(self.path)
        if self.node is None:
            return machine_problems(self.home, running=running, bus=None)
        store, documents = self.node.store, look_at_documents(self.home, self.clock())
        seen = await look(self.home, store, self.node.bus, documents)
        return [
            *machine_problems(self.home, running=running, bus=seen.bus_error),
            *documents.problems,
            *finding_problems(seen.findings),
            *await store.read(partial(record_problems, now=self.clock())),
        ]

    async def is_drained(self) -> bool:
        """Whether everything that was accepted was read back from the log."""
        return self.node is not None and (await self.node.store.read(outbox.counts)).drained


def exit_code(error: Exception) -> int:
    """The exit code with which a daemon ends at this error of a job, or of its start."""
    failed = ExceptionGroup("a job failed", [error])
    if restart_of(failed) is not None:
        return EXIT_RESTART
    return EXIT_REFUSED if isinstance(error, UsageError) or refusal_of(failed) is not None else EXIT_FAULT


def reason_of(error: Exception) -> str:
    """The error and the last places of its traceback."""
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    return f"{type(error).__name__}: {error} ({', '.join(places[-4:])})"
