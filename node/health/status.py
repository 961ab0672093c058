"""`status`: what an operator sees of a node, from its store and its bus, whether its daemon runs or not.

`findings` are about streams. `problems` are all states in which a party that is entitled to a report may not get it,
each with its reason and its remedy; findings that have this effect are among them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Final

from broker.log import Log, LogUnavailable
from node.answers.error_answer import code_of_log
from node.clock import now_ms
from node.database.engine import Store, Transaction
from node.health.documents import Documents, look_at_documents
from node.health.machine import machine_problems
from node.health.problem import Problem
from node.health.records import record_problems
from node.health.standing_findings import NOT_CAUGHT_UP, FindingStatus, all_findings, finding_problems, shown_findings
from node.health.stream_states import StreamStatus, read_beyond, stream_states, unread
from node.runtime.home import Home
from node.runtime.open_node import open_bus
from node.runtime.open_store import open_store
from node.runtime.single_daemon import is_running
from node.store import counters, messages, outbox, read_positions, receipts_to_seal, set_aside, stream_findings
from node.store.outbox import OutboxCounts
from node.store.read_positions import StreamReading
from node.store.set_aside import SetAsideDraft
from node.store.stream_findings import StreamFinding
from node.undecided import pending_lists

POLL_SECONDS: Final = (0.05, 0.5)  # first and longest wait between two looks


class Goal(StrEnum):
    """A state that a caller can wait for."""

    DRAINED = "drained"
    CAUGHT_UP = "caught-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """What an operator sees."""

    node: str
    running: bool
    bus: str
    """`available`, or why it is not."""

    outbox: OutboxCounts
    streams: tuple[StreamStatus, ...]
    counts: Mapping[str, int]
    findings: tuple[FindingStatus, ...]
    problems: tuple[Problem, ...] = ()
    drained: bool = False
    """Everything that was accepted was read back from the log."""

    caught_up: bool = False
    """Each stream that the node should read was read to its end at one read of the ends, no message waits for a grant
    that has arrived, and the receipts of this node were read back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a node."""

    status: NodeStatus
    bus_error: str | None
    bus_code: str
    findings: Sequence[StreamFinding]

    def reached(self, goal: Goal | None) -> bool:
        """Whether the node is in the state that the caller waits for."""
        return {None: True, Goal.DRAINED: self.status.drained, Goal.CAUGHT_UP: self.status.caught_up}[goal]


async def wait_for(home: Home, goal: Goal | None, seconds: float) -> tuple[NodeStatus, bool]:
    """Look until `goal` is reached, for at most `seconds`; returns the last look, and whether the goal was reached.

    Raises UsageError `store_missing`, Unavailable.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    wait, longest = POLL_SECONDS
    documents = look_at_documents(home, now_ms())
    async with open_store(home, existing=True) as store, open_bus(home) as bus:
        while True:
            seen = await look(home, store, bus, documents)
            if seen.reached(goal) or asyncio.get_running_loop().time() >= deadline:
                return await _with_problems(home, store, seen, documents), seen.reached(goal)
            await asyncio.sleep(wait)
            wait = min(longest, wait * 1.5)


async def status_now(home: Home, store: Store) -> NodeStatus:
    """One look, with a connection to the log that lasts only for it. Raises Unavailable."""
    documents = await asyncio.to_thread(look_at_documents, home, now_ms())
    async with open_bus(home) as bus:
        return await _with_problems(home, store, await look(home, store, bus, documents), documents)


async def _with_problems(home: Home, store: Store, seen: Look, documents: Documents) -> NodeStatus:
    problems = [
        *machine_problems(home, running=seen.status.running, bus=seen.bus_error, bus_code=seen.bus_code),
        *documents.problems,
        *finding_problems(seen.findings),
        *await store.read(partial(record_problems, now=now_ms())),
    ]
    return replace(seen.status, problems=tuple(problems))


async def look(home: Home, store: Store, bus: Log, documents: Documents) -> Look:
    """Look once. The ends are read before the positions, so that a lag of zero means that all was read."""
    places = home.places(governance=documents.governance)
    try:
        bounds = await bus.bounds(list(places))
        bus_error, bus_code = None, ""
    except LogUnavailable as error:
        bounds, bus_error, bus_code = {}, str(error), code_of_log(error)
    kept = await store.read(look_at)
    if grown := read_beyond(bounds, kept.read):  # the log may have grown between the two looks
        with suppress(LogUnavailable):
            bounds = {**bounds, **await bus.bounds(grown)}
    streams = stream_states(places, bounds, kept.read)
    not_read = unread(documents.governance, bounds, now_ms()) if bus_error is None else []
    findings = all_findings(kept.findings, kept.set_aside, not_read, home.node)
    all_read = all(stream.lag == 0 for stream in streams) and not any(one.code in NOT_CAUGHT_UP for one in findings)
    status = NodeStatus(
        node=home.node,
        running=is_running(home.path),
        bus=bus_error or "available",
        outbox=kept.outbox,
        streams=streams,
        counts=kept.counts,
        findings=shown_findings(findings),
        drained=kept.outbox.drained,
        caught_up=bus_error is None and all_read and not kept.grant_arrived and not kept.unsent_receipts,
    )
    return Look(status=status, bus_error=bus_error, bus_code=bus_code, findings=findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What the store has at one moment."""

    read: Mapping[str, StreamReading]
    """By topic."""

    outbox: OutboxCounts
    counts: Mapping[str, int]
    findings: Sequence[StreamFinding]
    set_aside: Sequence[SetAsideDraft]
    grant_arrived: bool
    """A message waits for a grant that has arrived."""

    unsent_receipts: int
    """Those that are due, and those that are sealed and not read back yet."""


def look_at(db: Transaction) -> _Kept:
    due = receipts_to_seal.count_due(db)
    return _Kept(
        read={reading.topic: reading for reading in read_positions.readings(db)},
        outbox=outbox.counts(db),
        counts={"stored": messages.count(db), **counters.counts(db).by_name, "receipts_due": due},
        findings=stream_findings.standing(db),
        set_aside=set_aside.drafts(db),
        grant_arrived=pending_lists.waits_for_arrived_grant(db),
        unsent_receipts=due + receipts_to_seal.on_their_way(db),
    )
