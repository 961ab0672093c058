"""The measured figures: name → {value, unit, rounds}. The value is the median of the rounds.

A ratio is taken within each round, of two sides that run one after the other, so that a busy machine affects both.
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
MESSAGES: Final = 2_000  # in a round of throughput, unless BENCH_MESSAGES is set


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The time of a piece of work."""

    wall: float
    """Elapsed seconds."""

    cpu: float
    """CPU seconds of this process."""

    items: int
    """The number of messages in it."""


@dataclass(slots=True)
class Stopwatch:
    """Adds up the times of blocks."""

    wall: float = 0.0
    cpu: float = 0.0
    items: int = 0
    _counted: bool = False

    @contextmanager
    def running(self, *, counted: bool = True) -> Iterator[None]:
        """Time one block, if it is counted."""
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
        """The sums so far."""
        if not self.items:
            raise AssertionError("too few messages: none was counted")
        return Spent(wall=self.wall, cpu=self.cpu, items=self.items)

    def did(self, items: int) -> None:
        """Add the number of messages of the last block."""
        if self._counted:
            self.items += items


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured quantity."""

    unit: str
    rounds: tuple[float, ...]
    target: str = ""
    """The target, in words."""

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(self.rounds)


@dataclass(slots=True)
class Figures:
    """All figures of one run, by name."""

    by_name: dict[str, Figure] = field(default_factory=dict)

    def add(self, name: str, unit: str, rounds: Iterable[float], *, target: str = "") -> None:
        """Add one figure; ValueError if the name already has one."""
        if name in self.by_name:
            raise ValueError(f"{name} is already measured")
        self.by_name[name] = Figure(unit=unit, rounds=tuple(rounds), target=target)

    def table(self) -> str:
        """The table for people, one line for each figure."""
        width = max((len(name) for name in self.by_name), default=0)
        lines = []
        for name, figure in self.by_name.items():
            low, high = min(figure.rounds), max(figure.rounds)
            spread = f"{_short(low)} to {_short(high)}" if len(figure.rounds) > 1 else ""
            measured = f"{_short(figure.value):>9} {figure.unit:<12} {spread:<20}"
            lines.append(f"{name:<{width}}  {measured} {figure.target}".rstrip())
        return "\n".join(lines)

    def write(self, path: Path = FILE) -> None:
        """Write the figures for programs. Figures in the file that this run did not measure stay unchanged."""
        kept: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        measured = {
            name: {"value": figure.value, "unit": figure.unit, "rounds": list(figure.rounds)}
            for name, figure in self.by_name.items()
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept | measured, indent=2, sort_keys=True) + "\n", "utf-8")


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def ratios(over: Sequence[Spent], under: Sequence[Spent], of: Callable[[Spent], float]) -> tuple[float, ...]:
    """The time per message of `over`, divided by that of `under`, for each round."""
    pairs = zip(per_message(over, of), per_message(under, of), strict=True)
    return tuple(numerator / denominator for numerator, denominator in pairs)


def per_message(spent: Iterable[Spent], of: Callable[[Spent], float]) -> tuple[float, ...]:
    """Microseconds per message, for each round."""
    return tuple(of(work) * MICROSECONDS / work.items for work in spent)


def number(name: str, default: int) -> int:
    """An integer from the environment, or `default`."""
    return int(os.environ.get(name, default))


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"
