"""What a node has left to read and to send, from its store and the ends of the log."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from broker.log import Bounds
from broker.streams import topic_of
from node.database.engine import Transaction
from node.health.standing_findings import ALL_STREAMS
from node.metrics.progress import Work
from node.outgoing import standing_faults
from node.stages import StreamId
from node.store import outbox, read_positions, set_aside, stream_findings
from node.store.outbox import OutboxCounts
from node.store.stream_findings import StreamFinding

STOPPED_BY: Final = frozenset({"originator_paused", "transport_corrupt"})
"""Findings that stop the reading of a stream."""

BLOCKED_BY: Final = frozenset({"stream_blocked", "stream_not_listed", "sealing_refused"})
"""Faults that stop an own stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the store says."""

    positions: Mapping[str, int]
    """By topic."""

    outbox: OutboxCounts
    set_aside: int
    heads: Mapping[str, int]
    """Own stream -> next sequence."""

    on_their_way: Mapping[str, int]
    """Own stream -> number of sequences that were not read back."""

    blocked: Collection[str]
    """What faults name: topics, or the node."""

    stopped: Collection[StreamFinding]


def kept(db: Transaction) -> Kept:
    """Read one state of the store."""
    return Kept(
        positions=read_positions.next_positions(db),
        outbox=outbox.counts(db),
        set_aside=len(set_aside.drafts(db)),
        heads={stream: head.next_sequence for stream, head in outbox.heads(db).items()},
        on_their_way=outbox.on_their_way(db),
        blocked={fault.subject for fault in standing_faults.standing(db) if fault.code in BLOCKED_BY},
        stopped=[finding for finding in stream_findings.standing(db) if finding.code in STOPPED_BY],
    )


def work_left(places: Mapping[str, StreamId], bounds: Mapping[str, Bounds], found: Kept, node: str) -> Work:
    """The work that nothing known stops. The ends were read before the store, so what is behind was there."""
    stopped = {(finding.originator, finding.stream) for finding in found.stopped}
    behind = {
        topic: found.positions.get(topic, 0)
        for topic, bound in bounds.items()
        if bound.end > max(found.positions.get(topic, 0), bound.beginning)
        and not {(places[topic].originator, name) for name in (places[topic].stream, ALL_STREAMS)} & stopped
    }
    return Work(behind=behind, outgoing=_outgoing(found, node))


def _outgoing(found: Kept, node: str) -> Mapping[str, Any]:
    if node in found.blocked:  # nothing can be sealed
        return {}
    moving = {
        stream: (found.heads[stream], number)
        for stream, number in found.on_their_way.items()
        if topic_of(stream, node) not in found.blocked
    }
    waiting = found.outbox.accepted - found.set_aside
    if waiting > 0 and not found.blocked:
        return {**moving, "heads": sum(found.heads.values())}
    return moving
