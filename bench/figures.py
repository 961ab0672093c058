"""Figures as they are measured, shown and kept: name → {value, unit, rounds}, the value being the rounds' median.

A ratio is taken within each round, of two things measured beside each other, so that a busy machine moves both.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

FILE: Final = Path("build") / "bench.json"
MICROSECONDS: Final = 1_000_000
MESSAGES: Final = 2_000  # of a round of throughput, unless BENCH_MESSAGES says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one piece of work took."""

    wall: float
    """Seconds by the clock."""

    cpu: float
    """Seconds of this process on any core."""

    items: int
    """Messages that it did."""


@dataclass(slots=True)
class Stopwatch:
    """Adds up what the blocks under it took."""

    wall: float = 0.0
    cpu: float = 0.0
    items: int = 0
    _counted: bool = False

    @contextmanager
    def running(self, *, counted: bool = True) -> Iterator[None]:
        """Time one block, unless it does not count."""
        self._counted = counted
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            if counted:
                self.wall += time.perf_counter() - wall
                self.cpu += time.process_time() - cpu

    @property
    def spent(self) -> Spent:
        """So far."""
        if not self.items:
            raise AssertionError("too few messages: all of them were warming up")
        return Spent(wall=self.wall, cpu=self.cpu, items=self.items)

    def did(self, items: int) -> None:
        """How many messages the last block did."""
        if self._counted:
            self.items += items


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured quantity."""

    unit: str
    rounds: tuple[float, ...]
    target: str = ""
    """What was to be reached, as words."""

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(self.rounds)


@dataclass(slots=True)
class Figures:
    """Everything that one run measured, by name."""

    by_name: dict[str, Figure] = field(default_factory=dict)

    def add(self, name: str, unit: str, rounds: Iterable[float], *, target: str = "") -> None:
        """Keep one figure; a name is measured once."""
        if name in self.by_name:
            raise ValueError(f"{name} was measured already")
        self.by_name[name] = Figure(unit=unit, rounds=tuple(rounds), target=target)

    def table(self) -> str:
        """For people: a line for each figure."""
        width = max((len(name) for name in self.by_name), default=0)
        lines = []
        for name, one in self.by_name.items():
            low, high = min(one.rounds), max(one.rounds)
            spread = f"{_short(low)} to {_short(high)}" if len(one.rounds) > 1 else ""
            lines.append(f"{name:<{width}}  {_short(one.value):>9} {one.unit:<12} {spread:<20} {one.target}".rstrip())
        return "\n".join(lines)

    def write(self, path: Path = FILE) -> None:
        """For programs; figures of a part that was not run this time stay as they are."""
        kept: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        measured = {
            name: {"value": one.value, "unit": one.unit, "rounds": list(one.rounds)}
            for name, one in self.by_name.items()
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept | measured, indent=2, sort_keys=True) + "\n", "utf-8")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def ratios(over: Sequence[Spent], under: Sequence[Spent], of: Callable[[Spent], float]) -> tuple[float, ...]:
    """`over` divided by `under`, for each message, round by round."""
    return tuple(one / other for one, other in zip(per_message(over, of), per_message(under, of), strict=True))


def per_message(spent: Iterable[Spent], of: Callable[[Spent], float]) -> tuple[float, ...]:
    """Microseconds for each message."""
    return tuple(of(one) * MICROSECONDS / one.items for one in spent)


def number(name: str, default: int) -> int:
    """A size that the environment may set."""
    return int(os.environ.get(name, default))


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"
