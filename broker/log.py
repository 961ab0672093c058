"""The log port: the operations of a log, and what every implementation guarantees. It contains no implementation.

The log is trusted with availability only: nothing that it answers is evidence. Its rules, which
`tests/broker/test_log_contract.py` checks for every implementation:

- A topic is one sequence of records. The position of a record is an integer. Positions increase and are never reused.
  Positions may be missing, and the beginning of a topic may move up. A reader whose position is no longer in the topic
  gets `OUT_OF_RANGE`; the log MUST NOT move it to another position.
- `append` MUST NOT return before the records are durable and readable. When it raises `LogUnavailable`, any number of
  the values may have been written, from none to all: send the same bytes again. Readers drop duplicates.
- A fault concerns one topic. The other topics of the same fetch continue.
- A log object allows one `fetch` at a time. Other operations may run at the same time, several at once.
- A topic may contain foreign bytes. An empty value and a missing value (`None`) are records like any other.
- An implementation checks everything that the log says before it answers: each position is an integer from 0 to
  `POSITION_MAX` and higher than the one before it, and of a value that is longer than `VALUE_SIZE_BYTES_MAX` only the
  beginning is read. What cannot be a record is left out (`MALFORMED`). Each call ends within seconds, and a log that
  cannot be used as a whole is `LogUnusable`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Final, Protocol

RECORD_SIZE_BYTES_MAX: Final = 1024 * 1024  # Kafka's max.message.bytes: a record with Kafka's framing
VALUE_SIZE_BYTES_MAX: Final = RECORD_SIZE_BYTES_MAX - 1024  # Kafka's framing is 61 bytes and some varints
FETCH_SIZE_BYTES_MAX: Final = 4 * 1024 * 1024  # in one answer of `fetch`; the last record may exceed it
POSITION_MAX: Final = 2**53  # JSON has no exact numbers above it; a topic never gets there by appending
TOPICS_MAX: Final = 10_000  # the default topology has 366


class Fault(StrEnum):
    """What is wrong with one topic, as far as the log itself can see."""

    OUT_OF_RANGE = "out_of_range"
    """The position that was asked for is below the beginning or above the end."""
    CORRUPT = "corrupt"
    """The record at the position cannot be read. All records before it were delivered."""
    MISSING = "missing"
    """The topic does not exist: not yet, or no longer."""
    DENIED = "denied"
    """The log does not allow this reader to read the topic."""
    MALFORMED = "malformed"
    """The topic has something that cannot be a record, such as a position that is a text. It was left out, and the
    records are delivered."""


class LogError(Exception):
    """A call of the log failed. If `retriable`, the same call may succeed later."""

    retriable: ClassVar[bool] = False


class LogUnavailable(LogError):
    """The log cannot be reached, is full or is busy: back off and call again. What was written is unknown."""

    retriable = True


class LogUnusable(LogUnavailable):
    """What the log says cannot be that of a log: an operator must repair it. Then the same call succeeds."""


class TopicMissing(LogUnavailable):
    """The topic does not exist. An operator must provision it."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"topic {topic} does not exist; an operator must provision it")
        self.topic = topic


class LogStuck(LogError):
    """Several clients in a row received nothing although records exist: end the process."""


class RecordTooLarge(LogError):
    """The value is larger than a record may be. No value of the call was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record of the log."""

    topic: str
    position: int
    value: bytes | None
    """Of a value above `VALUE_SIZE_BYTES_MAX` the beginning, one byte longer than that: enough to refuse it."""

    appended_at: int | None = field(default=None, compare=False)
    """When the log stored it, in ms: by the clock of a broker, or of the process that appended. None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The range of positions that a topic has now."""

    beginning: int
    """The lowest position that can be fetched."""
    end: int
    """The position that the next record will get."""
    malformed: bool = False
    """The topic has something that cannot be a record; as far as the log can see without reading all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The answer about one topic: entries in ascending position, and the fault after them, if any."""

    topic: str
    entries: tuple[Entry, ...]
    fault: Fault | None = None
    after: int | None = None
    """Where to go on, if positions behind the entries have no record, such as those that Kafka writes for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """The settings that a topic must have. A log ignores a setting that it does not support."""

    topic: str
    replication: int
    retention_days: int | None
    """None: records are kept without limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """The topics that `provision` created and changed; both are empty if every topic was correct."""

    created: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One difference between a topic and its specification."""

    topic: str
    setting: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """A file of a log that was read as evidence: its name, its size in bytes, its SHA-256 in hexadecimal."""

    file: str
    size: int
    sha256: str


class Log(Protocol):
    """The operations. Each raises `LogUnavailable` when the log cannot be reached, and each wait has a limit."""

    async def append(self, topic: str, values: Sequence[bytes]) -> int:
        """Write one or more values in their order; return when they are durable.

        The result is the position after the last value, or -1 if the log does not say. It is a hint, not evidence.
        Raises `RecordTooLarge` before anything is written, `TopicMissing`, `LogUnavailable`.
        """
        ...

    async def fetch(self, positions: Mapping[str, int], *, records_max: int, wait_seconds: float) -> list[Fetched]:
        """Read from `positions` (topic to position) at most `records_max` records and about `FETCH_SIZE_BYTES_MAX`.

        Waits up to `wait_seconds` for the first record or new fault, and returns [] if there is none. A fault ends the
        wait only once. Later answers repeat it, but it no longer ends the wait: a caller that cannot remove the fault
        does not poll without a pause.
        """
        ...

    async def bounds(self, topics: Collection[str]) -> dict[str, Bounds]:
        """Beginning and end of each topic. A topic that does not exist is missing in the answer."""
        ...

    async def topics(self) -> frozenset[str]:
        """The topics that exist, including foreign ones, at most `TOPICS_MAX`."""
        ...

    async def provision(self, specs: Sequence[TopicSpec]) -> Provisioned:
        """Create missing topics and correct settings that differ. A second call changes nothing."""
        ...

    async def check(self, specs: Sequence[TopicSpec]) -> tuple[Drift, ...]:
        """Every difference from `specs`, by topic and setting. It changes nothing."""
        ...

    async def close(self) -> None:
        """Release all resources within a few seconds, in any state of the log."""
        ...


def check_values(values: Sequence[bytes]) -> None:
    """Raise `RecordTooLarge` if a value is larger than any implementation accepts, ValueError if there is no value."""
    if not values:
        raise ValueError("append needs at least one value")
    for value in values:
        if len(value) > VALUE_SIZE_BYTES_MAX:
            raise RecordTooLarge(f"the value has {len(value)} bytes; the limit is {VALUE_SIZE_BYTES_MAX}")
