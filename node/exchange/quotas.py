"""Which refused, held and waiting records of an ingest are kept with their bytes. Pure.

- Anybody who can write to the log can write records that fail a step. So each budget has a limit in rows and in bytes,
  for each originator in whose topics the records were found.
- A record above its budget is deferred: its position is noted, and it is read again later (reread.py). Nothing is lost
  that the log still has.
- Records that a later document, key or program may accept do not share a budget with those that never become valid,
  and records whose signature was verified do not share one with records that anybody may have written.
- A record that was verified and waits is always kept. At the limit of its budget the originator's streams pause.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from node.exchange.arrival import Arrival
from node.stages import Decision, Outcome
from node.undecided.quarantine import is_authenticated
from node.undecided.usage import Budget, Usage, UsageByBudget
from node.verification.judge import UNKNOWN_GOVERNANCE
from node.verification.steps import step_of

CURABLE: Final = frozenset({UNKNOWN_GOVERNANCE, "key_unknown", "key_use_wrong", "suite_unknown"})


MIB: Final = 1024 * 1024
LIMITS: Final[Mapping[Budget, Usage]] = {
    Budget.FORGEABLE: Usage(1_000, 8 * MIB),
    Budget.CURABLE: Usage(1_000, 8 * MIB),
    Budget.REFUSED: Usage(1_000, 64 * MIB),
    Budget.WAITING: Usage(20_000, 256 * MIB),
}
"""For each originator. All 61 originators of the default topology together: 20 GiB at most, of which 1 GiB by writers
without a key."""


def budget_of(decision: Decision) -> Budget | None:
    """The budget of a record with this decision; None if it is not kept as refused, held or waiting."""
    if decision.outcome is Outcome.WAITING:
        return Budget.WAITING
    code = decision.code or ""
    if decision.outcome is Outcome.HELD:
        return Budget.CURABLE if code in CURABLE else Budget.WAITING
    if decision.outcome is not Outcome.REJECTED:
        return None
    if decision.traceless is not None or is_authenticated(step_of(code)):
        return Budget.REFUSED
    return Budget.CURABLE if code in CURABLE else Budget.FORGEABLE


def defer_above_budget(arrivals: Sequence[Arrival], used: UsageByBudget) -> None:
    """Mark the new arrivals that are above their budget as deferred; `used` is what the store has."""
    taken = dict(used)
    for arrival in arrivals:
        if not arrival.is_new or arrival.kept_before or arrival.decision is None:
            continue
        budget = budget_of(arrival.decision)
        if budget is None or budget is Budget.WAITING:
            continue
        key = (arrival.place.originator, budget)
        so_far = taken.get(key, Usage())
        arrival.deferred = so_far.reaches(LIMITS[budget])
        if not arrival.deferred:
            taken[key] = so_far + Usage(1, len(arrival.value or b""))
