"""Counts decisions for metrics: records by outcome and code, and how long the stored messages took. Pure.

A record that waits, and is decided later, counts twice: once as waiting, once with its decision. A record that is
looked at again and stays where it is does not count again, nor does one that an operator reads again and that was
decided.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from node.exchange.arrival import Arrival
from node.stages import Decision, Outcome
from node.store.messages import Holding
from node.tallies import Latency, received, times


def tally_decisions(decided: Iterable[tuple[Arrival, Decision]], holdings: Sequence[Holding], now: int) -> Counter[str]:
    """The counters that these decisions increase; `holdings` are the messages that they store, `now` is in ms."""
    names: Counter[tuple[str, str | None]] = Counter()
    for arrival, decision in decided:
        if not _is_known(arrival, decision.outcome):
            names[decision.outcome.value, decision.code] += 1
    counted = Counter({received(outcome, code): number for (outcome, code), number in names.items()})
    own = [now - holding.terms.created_at for holding in holdings if holding.agreement is None]
    foreign = [now - holding.terms.created_at for holding in holdings if holding.agreement is not None]
    return counted + times(Latency.WITNESSED, own) + times(Latency.STORED, foreign)


def _is_known(arrival: Arrival, outcome: Outcome) -> bool:
    """Whether the record was counted with this outcome before."""
    if outcome in (Outcome.WAITING, Outcome.HELD):
        return arrival.pending_id is not None
    if outcome is Outcome.REJECTED:
        return arrival.quarantine_id is not None or (arrival.read_again and arrival.kept_before)
    return outcome is Outcome.DUPLICATE and (arrival.read_again or not arrival.is_new)
