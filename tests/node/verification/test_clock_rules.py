"""Whether a clock is plausible: against what others say, and against how long the machine runs."""

import pytest

from node.limits import CLOCK_SKEW_MS_MAX, DAY_MS
from node.uptime import SinceBoot
from node.verification.clock_rules import SILENCE_MS_MAX, ClockCheck, ClockReason, judge_clock

NOW = 1_800_000_000_000
YEAR = 365 * DAY_MS
MACHINE = SinceBoot(boot="a", ms=10_000_000)
OTHER_BOOT = SinceBoot(boot="b", ms=500)


def checked(*, ago: int = 60_000, evidence: bool = True, confirmed: bool = False) -> ClockCheck:
    """A check of a clock that was right."""
    return ClockCheck(at=NOW - ago, boot="a", since_boot=MACHINE.ms - ago, evidence=evidence, confirmed=confirmed)


CASES = {
    "nobody has said anything": (0, (), None, MACHINE, None),
    "a new node, and others sealed a moment ago": (0, (0, 0), None, MACHINE, None),
    "a new node a year ahead of two others": (YEAR, (0, 0), None, MACHINE, ClockReason.AHEAD),
    "a new node a year ahead of the only other": (YEAR, (0,), None, MACHINE, ClockReason.AHEAD),
    "a new node a day behind two others": (-DAY_MS, (0, 0), None, MACHINE, ClockReason.BEHIND),
    "a node behind one other alone, whose clock may be wrong": (-DAY_MS, (0,), None, MACHINE, None),
    "one other is a year ahead, the rest is not": (0, (YEAR, 0, 0), None, MACHINE, None),
    "behind by what counts as exact": (-CLOCK_SKEW_MS_MAX, (0, 0), None, MACHINE, None),
    "behind by more": (-CLOCK_SKEW_MS_MAX - 1, (0, 0), None, MACHINE, ClockReason.BEHIND),
    "a silent exchange, and a clock that was checked": (0, (-YEAR, -YEAR), checked(), MACHINE, None),
    "a silent exchange after a start of the machine": (0, (-YEAR, -YEAR), checked(), OTHER_BOOT, ClockReason.AHEAD),
    "others were silent for less than a day": (0, (-SILENCE_MS_MAX, -SILENCE_MS_MAX), checked(), OTHER_BOOT, None),
    "set ahead by an hour": (3_600_000, (0, 0), checked(), MACHINE, ClockReason.STEPPED),
    "set ahead by six minutes": (CLOCK_SKEW_MS_MAX + 1, (0,), checked(), MACHINE, ClockReason.STEPPED),
    "set ahead by five minutes": (CLOCK_SKEW_MS_MAX, (0,), checked(), MACHINE, None),
    "set back by an hour, against one other": (-3_600_000, (0,), checked(), MACHINE, ClockReason.STEPPED),
    "set, and others agree": (3_600_000, (3_600_000, 3_600_000), checked(), MACHINE, None),
    "set, and nobody has said anything": (3_600_000, (), checked(), MACHINE, None),
    "right at its first check, which had no evidence, and others disagree": (
        0,
        (-YEAR, -YEAR),
        checked(evidence=False),
        MACHINE,
        ClockReason.AHEAD,
    ),
    "confirmed, although two others are ahead": (0, (YEAR, YEAR), checked(confirmed=True), MACHINE, None),
    "confirmed, and set since": (YEAR, (0, 0), checked(confirmed=True), MACHINE, ClockReason.STEPPED),
    "confirmed, and the machine was started since": (
        0,
        (YEAR, YEAR),
        checked(confirmed=True),
        OTHER_BOOT,
        ClockReason.BEHIND,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_clock_is_judged_by_others_and_by_the_machine(
    case: tuple[int, tuple[int, ...], ClockCheck | None, SinceBoot, ClockReason | None],
) -> None:
    """Offset of the clock, claims relative to the true time, the last check, the machine, and what is wrong."""
    offset, claims, last, machine, expected = case
    problem = judge_clock(NOW + offset, machine, tuple(NOW + claim for claim in claims), last)

    assert (problem.reason if problem is not None else None) == expected
