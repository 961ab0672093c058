"""Decides whether the clock of this node is plausible, from what others say and from how long the machine runs. Pure.

Rules. A *claim* is the latest time at which another node sealed something that is here, or at which the log stored
something. One node alone may have a wrong clock itself, so the second-latest claim counts; if there is one, that one.

- Behind: at least two claims are more than five minutes after the clock.
- A clock that others agreed with since the start of the machine stays plausible, however long the exchange is silent,
  as long as it goes on with the time that the machine runs. If it was set by more than five minutes, a claim must
  agree.
- Otherwise a clock that is more than a day ahead of the claims is not plausible. Without any claim it is.
- An operator can confirm the clock. That holds until it is set again, or the machine is started.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from node.limits import CLOCK_SKEW_MS_MAX, DAY_MS
from node.uptime import SinceBoot
from schemas.formats import time_text

SILENCE_MS_MAX: Final = DAY_MS


class ClockReason(StrEnum):
    """Why a clock is not plausible."""

    BEHIND = "behind"
    AHEAD = "ahead"
    STEPPED = "stepped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockCheck:
    """When a clock was found plausible last."""

    at: int
    boot: str
    since_boot: int
    """How long the machine had run at `at`, in ms."""

    evidence: bool
    """The claims were less than a day old."""

    confirmed: bool
    """An operator said that it is right."""

    def expected(self, machine: SinceBoot) -> int | None:
        """The time that a clock that was not set since has now, in ms; None after another start of the machine."""
        return self.at + machine.ms - self.since_boot if self.boot == machine.boot else None

    def goes_on(self, now: int, machine: SinceBoot) -> bool:
        """Whether a clock that shows `now` (ms) was not set since, and the machine not started."""
        expected = self.expected(machine)
        return expected is not None and abs(now - expected) <= CLOCK_SKEW_MS_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockProblem:
    """A clock that is not plausible."""

    reason: ClockReason
    message: str


def agreed(claims: Iterable[int]) -> int | None:
    """The second-latest claim, or the only one; None without a claim."""
    latest = sorted(claims, reverse=True)[:2]
    return latest[-1] if latest else None


def judge_clock(
    now: int, machine: SinceBoot, claims: tuple[int, ...], checked: ClockCheck | None
) -> ClockProblem | None:
    """What is wrong with a clock that shows `now` (ms); None if it is plausible."""
    expected = checked.expected(machine) if checked is not None else None
    goes_on = checked is not None and checked.goes_on(now, machine)
    if checked is not None and checked.confirmed and goes_on:
        return None
    claim = agreed(claims)
    if claim is not None and len(claims) > 1 and claim > now + CLOCK_SKEW_MS_MAX:
        return _problem(
            ClockReason.BEHIND, now, f"at least two others have sealed or stored something at {_text(claim)}"
        )
    if goes_on and checked is not None and checked.evidence:
        return None
    if expected is not None and not goes_on and claim is not None and abs(now - claim) > CLOCK_SKEW_MS_MAX:
        return _problem(
            ClockReason.STEPPED, now, f"it was set: by the time that the machine runs it is {_text(expected)}"
        )
    if claim is not None and claim < now - SILENCE_MS_MAX:
        return _problem(ClockReason.AHEAD, now, f"nobody else has sealed or stored anything since {_text(claim)}")
    return None


def has_evidence(now: int, claims: tuple[int, ...]) -> bool:
    """Whether others have sealed or stored something in the last day before `now` (ms)."""
    claim = agreed(claims)
    return claim is not None and claim >= now - SILENCE_MS_MAX


def _problem(reason: ClockReason, now: int, why: str) -> ClockProblem:
    return ClockProblem(reason=reason, message=f"the clock of this machine shows {_text(now)}; {why}")


def _text(time: int) -> str:
    try:
        return time_text(time)
    except (ValueError, OverflowError, OSError):
        return f"{time} ms since 1970"
