"""Replays a log for an auditor: reads every stream from its beginning and verifies it from bytes and documents alone.

Uses topics, bounds and fetch of the log's port. It never joins a group, never commits and writes nothing to the log.
It has no private key and decrypts nothing. Rules:

- Topics are read in their order, one after the other, each up to the end that it had when the replay began.
- A topic that is not a stream of an exchange is not read; the answer names it.
- If the log cannot deliver records, that is a finding, and reading of that stream ends there. What cannot be a record
  is a finding too, and the records of the stream are read.
- If the log is unavailable, the replay raises `Unavailable` and has no answer.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker import streams
from broker.log import Bounds, Fault, Log, LogUnavailable, LogUnusable
from node.audit.findings import Finding, ReplayAnswer, ReplayedStream, about, malformed
from node.audit.replay_stream import StreamReplay
from node.database.engine import Store
from node.errors import Unavailable, UsageError
from node.stages import StreamId
from node.trust.governance import Governance
from node.verification.kinds import is_stream

RECORDS_AT_ONCE_MAX: Final = 500  # as at a node: records share a commit, and memory stays small between two commits
WAIT_SECONDS: Final = 5.0  # for the next records of a stream that has not ended
SILENT_FETCHES_MAX: Final = 6  # half a minute without a record from a log that answers: it lacks records that it claims

Progress = Callable[[int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which part of the log is read; by default all of it."""

    stream: str | None = None
    """A stream of all its originators, or one topic."""

    start: int = 0
    """First position of each stream."""

    until: int | None = None
    """Position before which reading ends."""

    def admits(self, topic: str, place: StreamId) -> bool:
        """Whether to read the topic."""
        return self.stream is None or self.stream in (topic, place.stream)


def stream_place(topic: str) -> StreamId | None:
    """The stream of a topic; None if the topic is not a stream of an exchange."""
    try:
        stream, originator = streams.stream_of(topic)
    except ValueError:
        return None
    is_ours = is_stream(stream)
    return StreamId(stream=stream, originator=originator) if is_ours else None


@contextmanager
def unwatched(_total: int) -> Iterator[Callable[[int], None]]:
    """Progress that is not shown."""
    yield lambda _done: None


async def replay(
    bus: Log, governance: Governance, selection: Selection, *, scratch: Path, progress: Progress = unwatched
) -> ReplayAnswer:
    """Read and verify; the state of the chains is kept in the empty folder `scratch` meanwhile.

    `progress` gets the number of positions to read, then the number that was read so far. Raises UsageError if the log
    does not have the selected stream, Unavailable if the log is unavailable.
    """
    store = await Store.open(f"sqlite:///{scratch / 'chains.db'}")
    try:
        return await _Replay(bus, governance, selection, store).run(progress)
    except LogUnusable:
        raise
    except LogUnavailable as error:
        raise Unavailable("bus_unavailable", str(error), path="bus", hint="nothing was concluded; try again") from error
    finally:
        await store.close()


class _Replay:
    def __init__(self, bus: Log, governance: Governance, selection: Selection, store: Store) -> None:
        self._bus = bus
        self._governance = governance
        self._selection = selection
        self._store = store
        self._on_progress: Callable[[int], None] = lambda _done: None
        self._passed = 0

    async def run(self, progress: Progress) -> ReplayAnswer:
        topics = sorted(await self._bus.topics())
        ours = {topic: place for topic in topics if (place := stream_place(topic)) is not None}
        wanted = {topic: place for topic, place in ours.items() if self._selection.admits(topic, place)}
        if self._selection.stream is not None and not wanted:
            message = f"the log has no stream {self._selection.stream}"
            hint = "a stream, as intel.caribbean, or a topic, as intel.caribbean.bz"
            raise UsageError("stream_unknown", message, path="stream", hint=hint)
        bounds = await self._bus.bounds(list(wanted))
        parts = {topic: self._part(bounds[topic]) for topic in wanted if topic in bounds}
        counts = Counter[str]()
        streams, findings = list[ReplayedStream](), list[Finding]()
        with progress(sum(len(part) for part in parts.values())) as self._on_progress:
            for topic, place in wanted.items():
                if topic not in bounds:
                    findings.append(malformed(place))
                    continue
                part, is_malformed = parts[topic], bounds[topic].malformed
                if not part and not is_malformed:
                    continue
                stream = self._stream_replay(topic, place, is_window=part.start > bounds[topic].beginning)
                if is_malformed:
                    stream.add(malformed(place))
                await self._read(stream, part, is_malformed=is_malformed)
                counts.update(records=stream.records, verified=stream.verified, duplicates=stream.duplicates)
                streams.append(stream.read())
                findings += await stream.findings()
        return ReplayAnswer(
            records=counts["records"],
            verified=counts["verified"],
            duplicates=counts["duplicates"],
            empty=len(wanted) - len(streams),
            ignored=tuple(topic for topic in topics if topic not in ours),
            streams=streams,
            findings=findings,
        )

    def _part(self, bounds: Bounds) -> range:
        """The positions of a topic to read."""
        until = bounds.end if self._selection.until is None else min(bounds.end, self._selection.until)
        return range(max(bounds.beginning, self._selection.start), until)

    def _stream_replay(self, topic: str, place: StreamId, *, is_window: bool) -> StreamReplay:
        return StreamReplay(
            topic=topic, place=place, governance=self._governance, store=self._store, is_window=is_window
        )

    async def _read(self, stream: StreamReplay, part: range, *, is_malformed: bool) -> None:
        position, silent = part.start, 0
        while position < part.stop:
            fetched = await self._bus.fetch(
                {stream.topic: position}, records_max=RECORDS_AT_ONCE_MAX, wait_seconds=WAIT_SECONDS
            )
            entries = [entry for answer in fetched for entry in answer.entries]
            fault = next((answer.fault for answer in fetched if answer.fault is not None), None)
            after = max((answer.after for answer in fetched if answer.after is not None), default=0)
            if (fault is Fault.MALFORMED or after) and not is_malformed:
                stream.add(malformed(stream.place))
                is_malformed = True
            fault = None if fault is Fault.MALFORMED else fault
            if entries:
                await stream.take([entry for entry in entries if entry.position < part.stop])
                position, silent = max(entries[-1].position + 1, after), 0
            elif after > position:
                position, silent = after, 0
            elif fault is None:
                silent += 1
            self._on_progress(self._passed + min(position, part.stop) - part.start)
            if position < part.stop and (fault is not None or silent == SILENT_FETCHES_MAX):
                position = await self._after_fault(stream, fault, position, part.stop)
        self._passed += len(part)

    async def _after_fault(self, stream: StreamReplay, fault: Fault | None, position: int, end: int) -> int:
        """Add the finding; returns where reading goes on, or `end`. `fault` is None if no record came."""
        bounds = (await self._bus.bounds([stream.topic])).get(stream.topic)
        if fault is Fault.OUT_OF_RANGE and bounds is not None and position < bounds.beginning:
            stream.add(
                about(
                    stream.place,
                    "head_truncated",
                    sequence=stream.highest + 1,
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
        stream.add(about(stream.place, "transport_corrupt", position=position, expected=expected, found=found))
        return end
