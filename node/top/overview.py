"""What the live view shows of a node: the figures of one look, and rates between two looks. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.answers.plain_json import TimeMs
from node.health.problem import Problem
from node.metrics.figures import Figures
from node.store.outbox import OutboxCounts

OUTCOMES: Final = ("stored", "withheld", "waiting", "held", "duplicate", "not_addressed", "rejected", "counted")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRow:
    """One stream."""

    stream: str
    originator: str
    lag: int | None
    position: int
    per_second: float | None
    """Records read; None without an earlier look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """The records with one outcome."""

    outcome: str
    total: int
    per_second: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstEnd:
    """The first document, key or certificate of a kind that ends without a successor."""

    kind: str
    seconds: float
    """Until its end; below zero after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One frame of the live view."""

    at: TimeMs
    node: str
    running: bool
    bus: str
    """`available`, or why it is not."""

    outbox: OutboxCounts
    oldest_seconds: float
    """How long the oldest message of the outbox has waited; 0 without one."""

    published: int
    published_per_second: float | None
    sealed: int
    sealed_per_second: float | None
    outcomes: tuple[OutcomeRow, ...]
    streams: tuple[StreamRow, ...]
    """Those with the greatest lag first, then those that are read fastest."""

    pending: Mapping[str, int]
    quarantine: Mapping[str, int]
    """By code."""

    problems: tuple[Problem, ...]
    messages: int
    store_bytes: int
    free_bytes: int
    """On the fullest volume."""

    ends: tuple[FirstEnd, ...]
    """The soonest first."""


def overview(now: Figures, before: Figures | None) -> Overview:
    """The frame of the look `now`; the rates are since the look `before`."""
    seconds = (now.at - before.at) / 1000 if before is not None else 0.0

    def rate(value: float, earlier: float) -> float | None:
        return max(0.0, value - earlier) / seconds if seconds > 0 else None

    old = before or now
    oldest = [at for at in (now.store.oldest.accepted, now.store.oldest.sealed, now.store.oldest.sent) if at]
    sealed, sealed_before = (sum(look.store.sealed.values()) for look in (now, old))
    published = now.store.tallies.published
    return Overview(
        at=now.at,
        node=now.status.node,
        running=now.status.running,
        bus=now.status.bus,
        outbox=now.status.outbox,
        oldest_seconds=max(0, now.at - min(oldest)) / 1000 if oldest else 0.0,
        published=published,
        published_per_second=rate(published, old.store.tallies.published),
        sealed=sealed,
        sealed_per_second=rate(sealed, sealed_before),
        outcomes=tuple(
            OutcomeRow(outcome=name, total=total, per_second=rate(total, _outcomes(old)[name]))
            for name, total in _outcomes(now).items()
        ),
        streams=_streams(now, old, seconds),
        pending=now.store.pending,
        quarantine=now.store.quarantine,
        problems=now.status.problems,
        messages=now.status.counts["stored"],
        store_bytes=now.store.size,
        free_bytes=min(now.free.values(), default=0),
        ends=tuple(
            FirstEnd(kind=kind, seconds=left) for kind, left in sorted(now.ends.items(), key=lambda item: item[1])
        ),
    )


def _outcomes(look: Figures) -> dict[str, int]:
    totals = dict.fromkeys(OUTCOMES, 0)
    for (outcome, _), number in look.store.tallies.received.items():
        totals[outcome] = totals.get(outcome, 0) + number
    return totals


def _streams(now: Figures, old: Figures, seconds: float) -> tuple[StreamRow, ...]:
    positions = {stream.topic: stream.position for stream in old.status.streams}
    rows = [
        StreamRow(
            stream=stream.stream,
            originator=stream.originator,
            lag=stream.lag,
            position=stream.position,
            per_second=max(0, stream.position - positions.get(stream.topic, 0)) / seconds if seconds > 0 else None,
        )
        for stream in now.status.streams
    ]
    key = lambda row: (-(row.lag or 0), -(row.per_second or 0), -row.position, row.stream, row.originator)  # noqa: E731
    return tuple(sorted(rows, key=key))
