"""Watches the clock of one node: nothing is sealed, and nothing counts as expired, while it is not plausible.

Every process of a node asks; the daemon itself also writes the findings. The rules are in
node/verification/clock_rules.py. Everything else that cannot be undone and depends on the time asks `is_plausible`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from node.clock import since_boot
from node.database.engine import Store, Transaction
from node.database.locks import Lock, hold
from node.errors import Unavailable
from node.integrity import clock_checks
from node.limits import CLOCK_SKEW_MS_MAX
from node.runtime.own_streams import OwnStreams
from node.sending.sealing_stops import FUTURE, future_heads
from node.stages import StreamId
from node.store import stream_findings
from node.uptime import SinceBoot
from node.verification.clock_rules import ClockProblem

log = structlog.get_logger()

FINDING: Final = "clock_implausible"
LOOK_MS: Final = 2_000  # between two looks at the store
STEP_MS: Final = 1_000  # a clock that was set by more is looked at again at once


@dataclass(slots=True, kw_only=True)
class ClockWatch:
    """The watch of one process."""

    store: Store
    node: str
    clock: Callable[[], int]
    machine: Callable[[], SinceBoot] = since_boot

    problem: ClockProblem | None = field(default=None, init=False)
    trusted: bool = field(default=False, init=False)
    """Whether others or an operator have said that the clock is right."""

    _looked_at: SinceBoot | None = field(default=None, init=False)
    _offset: int = field(default=0, init=False)
    """Of the clock to the time that the machine runs, at the last look."""

    async def is_plausible(self, now: int) -> bool:
        """Whether the clock, which shows `now` (ms), is plausible. Raises Unavailable."""
        return await self.look(now) is None

    async def require(self, now: int) -> None:
        """Raise Unavailable `clock_implausible` unless the clock is plausible."""
        if (problem := await self.look(now)) is not None:
            raise Unavailable(
                "clock_implausible",
                f"{problem.message}: nothing is sealed",
                hint="set the clock; if it is right, an operator confirms it",
            )

    async def look(self, now: int) -> ClockProblem | None:
        """What is wrong with the clock. The store is asked if the clock was set, and from time to time."""
        machine = self.machine()
        before, offset = self._looked_at, now - machine.ms
        recent = before is not None and 0 <= machine.ms - before.ms < LOOK_MS and before.boot == machine.boot
        if recent and abs(offset - self._offset) <= STEP_MS:
            return self.problem
        self.problem, self.trusted, notes = await self.store.read(
            partial(_look, node=self.node, now=now, machine=machine)
        )
        if notes:
            await self.store.write(partial(_note, node=self.node, now=now, machine=machine))
        self._looked_at, self._offset = machine, offset
        return self.problem

    async def step(self) -> None:
        """Write what stands as findings, and log what is new. Raises Unavailable."""
        now = self.clock()
        problem = await self.look(now)
        standing, future = await self.store.read(partial(_standing, node=self.node, now=now))
        wanted = (
            {(FINDING, stream_findings.ALL_STREAMS)} if problem is not None else {(FUTURE, stream) for stream in future}
        )
        if problem is not None:
            wanted |= {name for name in standing if name[0] == FUTURE}
        if wanted == standing:
            return
        await self.store.write(partial(_settle, node=self.node, wanted=wanted, standing=standing, now=now))
        for code, stream in sorted(wanted - standing):
            if code == FINDING and problem is not None:
                log.error("clock_implausible", reason=problem.reason.value, explanation=problem.message)
            else:
                log.error("head_in_future", stream=stream, sealed_at=future[stream])
        if (FINDING, stream_findings.ALL_STREAMS) in standing - wanted:
            log.warning("clock_plausible_again")


def _look(db: Transaction, node: str, now: int, machine: SinceBoot) -> tuple[ClockProblem | None, bool, bool]:
    problem = clock_checks.find(db, node, now, machine)
    if problem is not None:
        return problem, False, False
    trusted = clock_checks.is_trusted(db, node, now, machine)
    return None, trusted, clock_checks.needs_note(db, node, now, machine)


def _note(db: Transaction, node: str, now: int, machine: SinceBoot) -> None:
    hold(db, Lock.FINDINGS)
    if clock_checks.find(db, node, now, machine) is None and clock_checks.needs_note(db, node, now, machine):
        clock_checks.note(db, node, now, machine)


def _standing(db: Transaction, node: str, now: int) -> tuple[set[tuple[str, str]], dict[str, int]]:
    """Code and stream of the findings that stand, and the own heads that are dated in the future."""
    found = stream_findings.all_about(db, node, [FINDING, FUTURE])
    return {(finding.code, finding.stream) for finding in found}, future_heads(db, node, now + CLOCK_SKEW_MS_MAX)


def _settle(db: Transaction, node: str, wanted: set[tuple[str, str]], standing: set[tuple[str, str]], now: int) -> None:
    hold(db, Lock.FINDINGS)
    for code, stream in wanted - standing:
        place = StreamId(stream=stream, originator=node)
        stream_findings.note(db, code, place, sequence=None, position=None, now=now)
    for code, stream in standing - wanted:
        stream_findings.close(db, code, StreamId(stream=stream, originator=node), now)


def sealing_permission(watch: ClockWatch, streams: OwnStreams) -> Callable[[int], Awaitable[bool]]:
    """What sealing asks for: own streams that agree with the log, and a plausible clock."""

    async def may_seal(now: int) -> bool:
        if not await streams.may_seal(now):
            return False
        await watch.require(now)
        return True

    return may_seal
