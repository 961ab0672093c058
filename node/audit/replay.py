"""Replays a log for an auditor: reads every stream from its beginning and verifies it from bytes and documents alone.

Uses topics, bounds and fetch of the log's port. It never joins a group, never commits and writes nothing to the log.
It has no private key and decrypts nothing. Rules:

- Topics are read one after the other, each up to the end that it had when the replay began: first
  `checkpoints` and `keys`, last `receipts`, as they correct times, are named as grants, and name batches.
- A topic that is not a stream of an exchange is not read; the answer names it.
- If the log cannot deliver records, that is a finding, and reading of that stream ends there. What cannot be a record
  is a finding too, and the records of the stream are read.
- If the whole log is read, what records name must be there (references.py), and the streams of members (members.py).
- If the log is unavailable, the replay raises `Unavailable` and has no answer.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from broker.log import Bounds, Log, LogUnavailable, LogUnusable
from node.audit.finding_groups import FindingGroups
from node.audit.findings import ReplayAnswer, malformed
from node.audit.members import deleted_records, missing_streams, nobody_wrote, silent_members, stream_place
from node.audit.read_topic import read_topic
from node.audit.references import References, reading_order
from node.audit.replay_stream import StreamReplay
from node.database.engine import Store
from node.errors import Unavailable, UsageError
from node.stages import StreamId
from node.trust.governance import Governance
from schemas.excerpts import excerpt

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

    @property
    def is_everything(self) -> bool:
        """Whether the whole log is read."""
        return self == Selection()

    def admits(self, topic: str, place: StreamId) -> bool:
        """Whether to read the topic."""
        return self.stream is None or self.stream in (topic, place.stream)


@contextmanager
def unwatched(_total: int) -> Iterator[Callable[[int], None]]:
    """Progress that is not shown."""
    yield lambda _done: None


async def replay(
    bus: Log,
    governance: Governance,
    selection: Selection,
    *,
    scratch: Path,
    progress: Progress = unwatched,
    deleted_rows: Callable[[], int] = lambda: 0,
) -> ReplayAnswer:
    """Read and verify; the state of the chains is kept in the empty folder `scratch` meanwhile.

    `progress` gets the number of positions to read, then the number that was read so far. `deleted_rows` counts records
    that the log once had. Raises UsageError if the log does not have the selected stream, Unavailable if the log is
    unavailable.
    """
    store = await Store.open(f"sqlite:///{scratch / 'chains.db'}")
    try:
        return await _Replay(bus, governance, selection, store, deleted_rows).run(progress)
    except LogUnusable:
        raise
    except LogUnavailable as error:
        raise Unavailable("bus_unavailable", str(error), path="bus", hint="nothing was concluded; try again") from error
    finally:
        await store.close()


def _progress(progressed: Callable[[int], None], before: int, done: int) -> None:
    progressed(before + done)


class _Replay:
    def __init__(
        self,
        bus: Log,
        governance: Governance,
        selection: Selection,
        store: Store,
        deleted_rows: Callable[[], int],
    ) -> None:
        self._bus = bus
        self._governance = governance
        self._selection = selection
        self._store = store
        self._deleted_rows = deleted_rows
        self._findings = FindingGroups()
        self._references: References | None = None
        self._silent: tuple[str, ...] = ()

    async def run(self, progress: Progress) -> ReplayAnswer:
        topics = sorted(await self._bus.topics())
        ours = {topic: place for topic in topics if (place := stream_place(topic)) is not None}
        wanted = {topic: place for topic, place in ours.items() if self._selection.admits(topic, place)}
        if self._selection.stream is not None and not wanted:
            message = f"the log has no stream {excerpt(self._selection.stream)}"
            hint = "a stream, as intel.caribbean, or a topic, as intel.caribbean.bz"
            raise UsageError("stream_unknown", message, path="stream", hint=hint)
        bounds = await self._bus.bounds(list(wanted))
        parts = {topic: self._part(bounds[topic]) for topic in wanted if topic in bounds}
        self._findings.add(malformed(place) for topic, place in wanted.items() if topic not in bounds)
        if self._selection.is_everything:
            beginnings = {wanted[topic]: bound.beginning for topic, bound in bounds.items()}
            self._references = References(self._governance, beginnings)
            self._findings.add(missing_streams(self._governance, wanted.values()))
        with progress(sum(len(part) for part in parts.values())) as progressed:
            replayed = await self._read(wanted, parts, bounds, progressed)
        counts = Counter[str]()
        for stream in replayed.values():
            counts.update(records=stream.records, verified=stream.verified, duplicates=stream.duplicates)
            counts.update(missing=stream.missing)
        if self._selection.is_everything:
            await self._look_at_everything(list(replayed.values()), counts["missing"])
        return ReplayAnswer(
            records=counts["records"],
            verified=counts["verified"],
            duplicates=counts["duplicates"],
            empty=len(wanted) - len(replayed),
            ignored=tuple(topic for topic in topics if topic not in ours),
            streams=[replayed[topic].read() for topic in wanted if topic in replayed],
            silent=self._silent,
            findings=self._findings.kept,
            groups=self._findings.groups,
        )

    async def _read(
        self,
        wanted: Mapping[str, StreamId],
        parts: Mapping[str, range],
        bounds: Mapping[str, Bounds],
        progressed: Callable[[int], None],
    ) -> dict[str, StreamReplay]:
        """Read the topics that have something, in the order in which records name each other."""
        replayed, passed = dict[str, StreamReplay](), 0
        some = [topic for topic, part in parts.items() if part or bounds[topic].malformed]
        for topic in sorted(some, key=lambda topic: reading_order(topic, wanted[topic])):
            replayed[topic] = stream = self._stream_replay(topic, wanted[topic], parts[topic], bounds[topic])
            shown = partial(_progress, progressed, passed)
            await read_topic(self._bus, stream, parts[topic], shown, is_malformed=bounds[topic].malformed)
            passed += len(parts[topic])
            await stream.finish()
        return replayed

    async def _look_at_everything(self, streams: Sequence[StreamReplay], missing: int) -> None:
        """Add what is known only after the whole log was read."""
        if self._references is not None:
            places = [stream.place for stream in streams]
            self._findings.add(await self._store.read(partial(self._references.recalled, streams=places)))
        writers = {stream.place.originator for stream in streams if stream.highest}
        self._silent = silent_members(self._governance, writers)
        self._findings.add(nobody_wrote(self._governance, writers))
        self._findings.add(deleted_records(await asyncio.to_thread(self._deleted_rows), missing))

    def _part(self, bounds: Bounds) -> range:
        """The positions of a topic to read."""
        until = bounds.end if self._selection.until is None else min(bounds.end, self._selection.until)
        return range(max(bounds.beginning, self._selection.start), until)

    def _stream_replay(self, topic: str, place: StreamId, part: range, bounds: Bounds) -> StreamReplay:
        return StreamReplay(
            topic=topic,
            place=place,
            governance=self._governance,
            store=self._store,
            findings=self._findings,
            references=self._references,
            is_window=part.start > bounds.beginning,
            to_end=part.stop == bounds.end,
        )
