"""How much of a store the records of one originator may take, and which refused or withheld records are kept. Pure.

- Each budget has a limit in rows and in bytes, for each originator in whose topics the records were found. So an
  originator that fills a budget takes no room from another one.
- Anybody who can write to the log can write records that fail a step. A record above its budget is deferred: its
  position is noted, and it is read again later (reread.py). Nothing is lost that the log still has.
- Records that a later document, key or program may accept do not share a budget with those that never become valid,
  and records whose signature was verified do not share one with records that anybody may have written.
- A record that was verified and waits, is stored or takes a place in a chain is always kept. At the limit of such a
  budget the originator's streams pause (pausing.py).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from node.exchange.arrival import Arrival
from node.stages import Decision, Outcome
from node.store.withheld_notes import note_size
from node.undecided.quarantine import is_authenticated
from node.undecided.usage import Budget, Usage, UsageByBudget
from node.verification.judge import UNKNOWN_GOVERNANCE
from node.verification.steps import step_of
from node.verification.unsent import UNSENT

CURABLE: Final = frozenset({UNKNOWN_GOVERNANCE, "key_unknown", "key_use_wrong", "suite_unknown"})


MIB: Final = 1024 * 1024
LIMITS: Final[Mapping[Budget, Usage]] = {
    Budget.FORGEABLE: Usage(1_000, 8 * MIB),
    Budget.CURABLE: Usage(1_000, 8 * MIB),
    Budget.REFUSED: Usage(1_000, 64 * MIB),
    Budget.WITHHELD: Usage(1_000_000, 512 * MIB),
    Budget.WAITING: Usage(20_000, 256 * MIB),
    Budget.STORED: Usage(20_000_000, 131_072 * MIB),
    Budget.CHAIN: Usage(40_000_000, 8_192 * MIB),
    Budget.GRANTS: Usage(20_000, 256 * MIB),
    Budget.OUTCOMES: Usage(500_000, 256 * MIB),
}
"""For each originator. Without messages and chains, all 61 originators of the default topology take 80 GiB at most, of
which 1 GiB by writers without a key."""

DEFERRING: Final = frozenset({Budget.FORGEABLE, Budget.CURABLE, Budget.REFUSED, Budget.WITHHELD})
"""Above these a record is deferred. The others pause streams."""


def budget_of(decision: Decision) -> Budget | None:
    """The budget of a record with this decision; None if it is kept as a message, or leaves no row of its own."""
    if decision.outcome is Outcome.WAITING:
        return Budget.WAITING
    if decision.outcome is Outcome.WITHHELD:
        return Budget.WITHHELD
    code = decision.code or ""
    if decision.outcome is Outcome.HELD:
        if code == UNSENT:
            return Budget.REFUSED  # never paused: an own stream is read to its end
        return Budget.CURABLE if code in CURABLE else Budget.WAITING
    if decision.outcome is not Outcome.REJECTED:
        return None
    if decision.traceless is not None or is_authenticated(step_of(code)):
        return Budget.REFUSED
    return Budget.CURABLE if code in CURABLE else Budget.FORGEABLE


def defer_above_budget(arrivals: Sequence[Arrival], used: UsageByBudget) -> None:
    """Mark the arrivals that are above their budget as deferred; `used` is what the store has.

    So is one that waited or was in quarantine and needs another row now: otherwise one budget would be a way around
    another one.
    """
    taken = dict(used)
    for arrival in arrivals:
        budget = None if arrival.decision is None or _has_row(arrival) else budget_of(arrival.decision)
        if budget is None or budget not in DEFERRING:
            continue
        key = (arrival.place.originator, budget)
        so_far = taken.get(key, Usage())
        arrival.deferred = so_far.reaches(LIMITS[budget])
        if not arrival.deferred:
            taken[key] = so_far + Usage(1, _size(arrival, budget))


def _has_row(arrival: Arrival) -> bool:
    """Whether the row that the record has already is the one that this decision needs."""
    if arrival.is_pending:
        return arrival.pending_id is not None
    refused = arrival.decision is not None and arrival.decision.outcome is Outcome.REJECTED
    return refused and (arrival.quarantine_id is not None or arrival.kept_before)


def _size(arrival: Arrival, budget: Budget) -> int:
    """What the row of a record takes: a note has no bytes of the record."""
    if budget is Budget.WITHHELD and arrival.decision is not None:
        return note_size(arrival.decision.reason)
    return len(arrival.value or b"")
