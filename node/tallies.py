"""The names of the counters that a store keeps for metrics, and what they say. Pure.

The counters are rows of the store: they survive a restart, and every process that has the store shows the same figures.
A tally only goes up. Times are counted in the bucket that they belong to; a histogram of Prometheus adds the buckets
up.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PREFIX: Final = "tally:"
PUBLISHED: Final = f"{PREFIX}published"
PROBED: Final = f"{PREFIX}probed"
"""How often somebody asked whether the store can be written."""

NAME_LENGTH_MAX: Final = 64
BOUNDS_MS: Final = (50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000, 86_400_000)
"""The upper bounds of the buckets. A longer time has no bound."""

_RECEIVED: Final = f"{PREFIX}received:"
_NO_BOUND: Final = "inf"
_SUM: Final = "sum"


class Latency(StrEnum):
    """What a time is measured of."""

    WITNESSED = "witnessed"
    """From the acceptance of an own report until it was read back from the log and stored."""

    STORED = "stored"
    """From the acceptance of a report at its originator until it was stored here, by the two clocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How often a time fell into each bucket."""

    buckets: tuple[int, ...]
    """One more than BOUNDS_MS; not added up."""

    sum_ms: int

    @property
    def count(self) -> int:
        """How many times were counted."""
        return sum(self.buckets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """The tallies of a store."""

    published: int
    received: Mapping[tuple[str, str], int]
    """By outcome and code; the code is empty for an outcome without one."""

    times: Mapping[Latency, Times]


def received(outcome: str, code: str | None) -> str:
    """The name of the counter of records with this outcome and code."""
    return f"{_RECEIVED}{outcome}:{code or ''}"[:NAME_LENGTH_MAX]


def times(of: Latency, values_ms: Iterable[int]) -> dict[str, int]:
    """The counters that these times increase. A time below zero, which clocks can cause, counts as zero."""
    buckets, total = [0] * (len(BOUNDS_MS) + 1), 0
    for value in values_ms:
        ms = max(0, value)
        buckets[bisect_left(BOUNDS_MS, ms)] += 1
        total += ms
    counted = {_bucket(of, number): found for number, found in enumerate(buckets) if found}
    return counted | ({f"{PREFIX}{of.value}:{_SUM}": total} if total else {})


def _bucket(of: Latency, number: int) -> str:
    bound = BOUNDS_MS[number] if number < len(BOUNDS_MS) else _NO_BOUND
    return f"{PREFIX}{of.value}:le:{bound}"


def read(counters: Mapping[str, int]) -> Tallies:
    """What the counters of a store say; other counters among them do not matter."""
    outcomes = {name: value for name, value in counters.items() if name.startswith(_RECEIVED)}
    return Tallies(
        published=counters.get(PUBLISHED, 0),
        received={_outcome_of(name): value for name, value in sorted(outcomes.items())},
        times={of: _times_of(of, counters) for of in Latency},
    )


def _outcome_of(name: str) -> tuple[str, str]:
    outcome, _, code = name.removeprefix(_RECEIVED).partition(":")
    return outcome, code


def _times_of(of: Latency, counters: Mapping[str, int]) -> Times:
    return Times(
        buckets=tuple(counters.get(_bucket(of, number), 0) for number in range(len(BOUNDS_MS) + 1)),
        sum_ms=counters.get(f"{PREFIX}{of.value}:{_SUM}", 0),
    )
