"""The log port: what travels where, and what every implementation promises. No implementation lives here.

The log is trusted with availability only; nothing that it says is evidence. Its rules, which
`tests/broker/test_log_contract.py` holds every implementation to:

- A topic is one sequence of records. A position is an integer that grows along it and is never used again. Positions
  may have holes, and the beginning may move up; a reader is told (`OUT_OF_RANGE`) and is never moved.
- `append` returns only when the records are durable and readable. When it raises `LogUnavailable`, any prefix of the
  values may have been written, even all of them: send the same bytes again, readers drop what is repeated.
- A fault concerns one topic. The other topics of the same fetch go on.
- One `fetch` at a time for each log object; the other verbs may run beside it, also several at once.
- A topic holds foreign bytes too: an empty value and none at all (`None`) are records like any other.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, Protocol

RECORD_SIZE_BYTES_MAX: Final = 1024 * 1024  # Kafka's max.message.bytes: a record with all that Kafka wraps around it
VALUE_SIZE_BYTES_MAX: Final = RECORD_SIZE_BYTES_MAX - 1024  # the wrapping is 61 bytes and some varints
FETCH_SIZE_BYTES_MAX: Final = 16 * 1024 * 1024  # one fetch answers with so much, and with one record more at most


class Fault(StrEnum):
    """What is wrong with one topic, as far as the log itself can tell."""

    OUT_OF_RANGE = "out_of_range"
    """The position asked for lies below the beginning or above the end."""
    CORRUPT = "corrupt"
    """The record at the position can't be read; everything before it was delivered."""
    MISSING = "missing"
    """The topic does not exist (any more, or yet)."""
    DENIED = "denied"
    """The log does not let this reader have the topic."""


class LogError(Exception):
    """What a log refuses; `retriable` tells whether the same call may succeed later."""

    retriable: ClassVar[bool] = False


class LogUnavailable(LogError):
    """The log is away, full or busy: back off and call again. Nothing may be concluded about what was written."""

    retriable = True


class TopicMissing(LogUnavailable):
    """The topic does not exist; an operator has to provision it."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"topic {topic} does not exist; `enlace broker provision` makes it")
        self.topic = topic


class LogStuck(LogError):
    """A client receives nothing although there is something, and new clients did not help: end the process."""


class RecordTooLarge(LogError):
    """The value will never fit; nothing of the call was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record as the log holds it."""

    topic: str
    position: int
    value: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The part of a topic that the log still has."""

    beginning: int
    """Lowest position that can be fetched."""
    end: int
    """Position of the next record that will be appended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """News of one topic: entries in ascending position, then perhaps a fault that follows them."""

    topic: str
    entries: tuple[Entry, ...]
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """How a topic has to be. A log that has no use for a setting leaves it alone."""

    topic: str
    replication: int
    retention_days: int | None
    """None: records are kept for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What `provision` did; both empty when everything was as it should be."""

    created: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One difference between a specification and what is there."""

    topic: str
    setting: str
    expected: str
    found: str


class Log(Protocol):
    """The verbs. All raise `LogUnavailable` when the log is away; nothing waits for it without a bound."""

    async def append(self, topic: str, values: Sequence[bytes]) -> int:
        """Write `values` (one or more) in their order; answer when they are durable.

        The result is the position after the last of them: a hint, never evidence (-1 when the log does not say).
        Raises `RecordTooLarge` before anything is written, `TopicMissing`, `LogUnavailable`.
        """
        ...

    async def fetch(self, positions: Mapping[str, int], *, records_max: int, wait_seconds: float) -> list[Fetched]:
        """Records from `positions` on (topic to position), at most `records_max` and about `FETCH_SIZE_BYTES_MAX`.

        Waits up to `wait_seconds` for the first news and answers [] when there is none. A fault is news once; after
        that it comes along when the call ends for another reason: a caller that can't help it does not spin.
        """
        ...

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Beginning and end of each topic; a topic that does not exist is absent."""
        ...

    async def topics(self) -> frozenset[str]:
        """Every topic that exists, foreign ones included."""
        ...

    async def provision(self, specs: Sequence[TopicSpec]) -> Provisioned:
        """Make what is missing and set what differs. A second call changes nothing."""
        ...

    async def check(self, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
        """Every difference from `specs`, by topic and setting. Changes nothing."""
        ...

    async def close(self) -> None:
        """Let go of everything within a few seconds, whatever state the log is in."""
        ...


class FaultNews:
    """Remembers which faults were reported, so that each ends a wait once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Fault]] = {}

    def is_news(self, fetched: Iterable[Fetched], positions: Mapping[str, int]) -> bool:
        """Whether `fetched` holds an entry or a fault that was not there before. Forgets faults that have gone."""
        faults = {item.topic: (positions[item.topic], item.fault) for item in fetched if item.fault is not None}
        news = any(item.entries for item in fetched) or any(
            self._known.get(topic) != fault for topic, fault in faults.items()
        )
        self._known = {topic: fault for topic, fault in self._known.items() if topic not in positions} | faults
        return news


def check_values(values: Sequence[bytes]) -> None:
    """Raise `RecordTooLarge` for a value that no implementation takes; an empty call is a bug of the caller."""
    if not values:
        raise ValueError("append needs at least one value")
    for value in values:
        if len(value) > VALUE_SIZE_BYTES_MAX:
            raise RecordTooLarge(f"value of {len(value)} bytes; the log takes {VALUE_SIZE_BYTES_MAX}")
