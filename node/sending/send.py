"""Appends sealed bytes to the own topics. A topic that refuses them stops its own stream, and no other.

- A stream that the log refuses rests, longer after each refusal, and is tried again.
- Reports need their grants: while `keys` rests, no `intel` stream is sent.
- If the log as a whole does not answer, that is an error of the call, not a fault of a stream.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from broker.log import Log, LogError, LogStuck, LogUnavailable, TopicMissing
from broker.streams import KEYS, is_intel
from node.sending.acknowledgements import Acknowledgements
from node.sending.faults import Faults
from node.sending.outgoing import Unsent
from node.store import outbox

log = structlog.get_logger()

BLOCKED: Final = "stream_blocked"
REST_MS: Final = 1_000, 30_000  # after the first refusal, and at most
ANSWER_COUNTS_MS: Final = 1_000  # how long an answer of the log shows that it is there


@dataclass(slots=True)
class _Rest:
    """A stream that was refused."""

    until: int
    length: int
    """In ms."""


@dataclass(slots=True, kw_only=True)
class Sender:
    """The way of one process's sealed bytes to the log."""

    topic_of: Callable[[str], str]
    """Own stream -> topic."""

    clock: Callable[[], int]
    acknowledged: Acknowledgements
    faults: Faults
    answered_at: int | None = None
    """When the log acknowledged the last append, if that was the last call."""

    _rests: dict[str, _Rest] = field(default_factory=dict)
    _left_out: frozenset[str] = frozenset()
    """What `resting` answered last."""

    def resting(self) -> frozenset[str]:
        """The own streams that are not tried now."""
        now = self.clock()
        self._left_out = frozenset(
            stream for stream, rest in self._rests.items() if 0 < rest.until - now <= rest.length
        )
        return self._left_out

    def wait_ms(self) -> int | None:
        """How long until a stream that was left out is tried again; None if there was none."""
        now = self.clock()
        rests = (rest for stream, rest in self._rests.items() if stream in self._left_out)
        return min((max(0, rest.until - now) for rest in rests), default=None)

    async def send(self, bus: Log, unsent: Sequence[Unsent]) -> int:
        """Append records to their streams; returns how many. A part that is too large for one append stays unsent.

        Raises LogUnavailable if the log does not answer, LogStuck, Unavailable.
        """
        sent, failed = 0, dict[str, LogError]()
        for part in sorted(unsent, key=lambda part: part.stream in self._rests and part.stream != KEYS):
            if sum(map(len, part.values)) > outbox.OUTGOING_BYTES_MAX and len(part.values) > 1:
                break
            if KEYS in failed and is_intel(part.stream):
                continue
            self.answered_at = None
            try:
                await bus.append(self.topic_of(part.stream), part.values)
            except LogStuck:
                raise
            except LogError as error:
                failed[part.stream] = error
                continue
            self.answered_at = self.clock()
            self.acknowledged.add(part.stream, part.first, part.last, self.clock())
            sent += len(part.values)
            await self._accepted(part.stream)
        if failed and not sent:
            await self._check(bus, failed)
        for stream, reason in failed.items():
            await self._refused(stream, reason)
        return sent

    async def _check(self, bus: Log, failed: dict[str, LogError]) -> None:
        """Raise the error of the log if it does not answer at all: then no topic is to blame."""
        if all(isinstance(error, LogUnavailable) for error in failed.values()):
            await bus.bounds([self.topic_of(KEYS)])

    async def ask(self, bus: Log) -> None:
        """Raise LogUnavailable if the log does not answer; it is not asked if it answered just now."""
        if self.answered_at is None or not 0 <= self.clock() - self.answered_at < ANSWER_COUNTS_MS:
            await bus.bounds([self.topic_of(KEYS)])

    def rest(self, stream: str) -> bool:
        """Do not try a stream for a while; returns whether it was refused before."""
        before = self._rests.get(stream)
        shortest, longest = REST_MS
        length = shortest if before is None else min(longest, before.length * 2)
        self._rests[stream] = _Rest(self.clock() + length, length)
        return before is not None

    async def settle(self) -> None:
        """Nothing is left to send: no stream is refused any more."""
        if not self.resting():
            self._rests.clear()
            await self.faults.end(BLOCKED)

    async def _refused(self, stream: str, error: LogError) -> None:
        """Let a stream rest. A refusal that may pass by itself is a fault when it comes again."""
        again = self.rest(stream)
        if again or isinstance(error, TopicMissing) or not error.retriable:
            log.error("stream_blocked", stream=stream, reason=str(error))
            await self.faults.note(BLOCKED, self.topic_of(stream), str(error))

    async def _accepted(self, stream: str) -> None:
        if self._rests.pop(stream, None) is not None:
            log.info("stream_unblocked", stream=stream)
        await self.faults.end(BLOCKED, [self.topic_of(stream)])
