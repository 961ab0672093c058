"""An auditor's reading: every stream of the log from its beginning, recomputed from bytes and documents alone.

Works on the log's port: topics, bounds, fetch; never a group, never a commit, nothing is written to it. It has no
private key and opens nothing. Rules:

- topics in their order, one after the other, each read to the end that it had when the replay began;
- a topic that is no stream of an exchange is not read, and named;
- what the log itself can't hand over is a finding, and reading of that stream ends there;
- a log that is away is `Unavailable`, and there is no answer.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker import streams
from broker.log import Bounds, Fault, Log, LogUnavailable
from node.audit.findings import (
    Finding,
    Replayed,
    StreamRead,
    about,
)
from node.audit.replay_stream import Trace
from node.database.engine import Store
from node.errors import Unavailable, UsageError
from node.stages import StreamId
from node.trust.governance import Governance
from node.verification.kinds import is_stream

RECORDS_AT_ONCE_MAX: Final = 500  # as a node: the commit is shared, and nothing large is kept between two of them
WAIT_SECONDS: Final = 5.0  # for the next records of a stream that has not ended
SILENT_FETCHES_MAX: Final = 6  # half a minute of nothing, from a log that answers: it does not have what it claims

Progress = Callable[[int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which part of the log is read; all of it without a word."""

    stream: str | None = None
    """A stream of all its originators, or one topic."""

    start: int = 0
    """First position of each stream."""

    until: int | None = None
    """Position before which reading ends."""

    def admits(self, topic: str, place: StreamId) -> bool:
        """Whether the topic is to be read."""
        return self.stream is None or self.stream in (topic, place.stream)


def stream_place(topic: str) -> StreamId | None:
    """The place that a topic stands for, None if it is no stream of an exchange."""
    try:
        stream, originator = streams.stream_of(topic)
    except ValueError:
        return None
    is_ours = is_stream(stream)
    return StreamId(stream=stream, originator=originator) if is_ours else None


@contextmanager
def unwatched(_total: int) -> Iterator[Callable[[int], None]]:
    """Nobody looks at the progress."""
    yield lambda _done: None


async def replay(
    bus: Log, governance: Governance, asked: Asked, *, scratch: Path, progress: Progress = unwatched
) -> Replayed:
    """Read and recompute; what is known of the chains lies in the empty folder `scratch` meanwhile.

    `progress` is told how many positions there are to read, then how many were read so far. Raises UsageError if the
    log has no stream of the name that was asked for, Unavailable if it is away.
    """
    store = await Store.open(f"sqlite:///{scratch / 'chains.db'}")
    try:
        return await _Replay(bus, governance, asked, store).run(progress)
    except LogUnavailable as error:
        raise Unavailable("bus_unavailable", str(error), path="bus", hint="nothing was concluded; try again") from error
    finally:
        await store.close()


class _Replay:
    def __init__(self, bus: Log, governance: Governance, asked: Asked, store: Store) -> None:
        self._bus = bus
        self._governance = governance
        self._asked = asked
        self._store = store
        self._on_progress: Callable[[int], None] = lambda _done: None
        self._passed = 0

    async def run(self, progress: Progress) -> Replayed:
        topics = sorted(await self._bus.topics())
        ours = {topic: place for topic in topics if (place := stream_place(topic)) is not None}
        wanted = {topic: place for topic, place in ours.items() if self._asked.admits(topic, place)}
        if self._asked.stream is not None and not wanted:
            message = f"the log has no stream {self._asked.stream}"
            hint = "a stream, as intel.caribbean, or a topic, as intel.caribbean.bz"
            raise UsageError("stream_unknown", message, path="stream", hint=hint)
        bounds = await self._bus.bounds(list(wanted))
        parts = {topic: part for topic in wanted if topic in bounds and (part := self._part(bounds[topic]))}
        counts = Counter[str]()
        streams, findings = list[StreamRead](), list[Finding]()
        with progress(sum(len(part) for part in parts.values())) as self._on_progress:
            for topic, part in parts.items():
                trace = self._trace(topic, wanted[topic], is_window=part.start > bounds[topic].beginning)
                await self._read(trace, part)
                counts.update(records=trace.records, verified=trace.verified, duplicates=trace.duplicates)
                streams.append(trace.read())
                findings += await trace.findings()
        return Replayed(
            records=counts["records"],
            verified=counts["verified"],
            duplicates=counts["duplicates"],
            empty=len(wanted) - len(streams),
            ignored=tuple(topic for topic in topics if topic not in ours),
            streams=streams,
            findings=findings,
        )

    def _part(self, bounds: Bounds) -> range:
        """The positions of a topic that are to be read."""
        until = bounds.end if self._asked.until is None else min(bounds.end, self._asked.until)
        return range(max(bounds.beginning, self._asked.start), until)

    def _trace(self, topic: str, place: StreamId, *, is_window: bool) -> Trace:
        return Trace(topic=topic, place=place, governance=self._governance, store=self._store, is_window=is_window)

    async def _read(self, trace: Trace, part: range) -> None:
        position, silent = part.start, 0
        while position < part.stop:
            fetched = await self._bus.fetch(
                {trace.topic: position}, records_max=RECORDS_AT_ONCE_MAX, wait_seconds=WAIT_SECONDS
            )
            entries = [entry for one in fetched for entry in one.entries]
            fault = next((one.fault for one in fetched if one.fault is not None), None)
            if entries:
                await trace.take([entry for entry in entries if entry.position < part.stop])
                position, silent = entries[-1].position + 1, 0
            elif fault is None:
                silent += 1
            self._on_progress(self._passed + min(position, part.stop) - part.start)
            if position < part.stop and (fault is not None or silent == SILENT_FETCHES_MAX):
                position = await self._after_fault(trace, fault, position, part.stop)
        self._passed += len(part)

    async def _after_fault(self, trace: Trace, fault: Fault | None, position: int, end: int) -> int:
        """Say what is wrong; where reading goes on, `end` if it does not. `fault` None: the log hands over nothing."""
        bounds = (await self._bus.bounds([trace.topic])).get(trace.topic)
        if fault is Fault.OUT_OF_RANGE and bounds is not None and position < bounds.beginning:
            trace.add(
                about(
                    trace.place,
                    "head_truncated",
                    sequence=trace.highest + 1,
                    position=bounds.beginning,
                    expected=f"position {position}",
                    found="a beginning that moved while it was read",
                )
            )
            return min(end, bounds.beginning)
        if fault is Fault.CORRUPT:
            found = "a record that cannot be read"
        elif fault is None:
            found = "nothing"
        else:
            found = "no topic" if bounds is None else f"an end at position {bounds.end}"
        expected = f"records up to position {end - 1}"
        trace.add(about(trace.place, "transport_corrupt", position=position, expected=expected, found=found))
        return end
