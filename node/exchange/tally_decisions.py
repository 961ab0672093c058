"""Counts decisions for metrics: records by outcome and code, and how long the stored messages took. Pure.

A record that waits, and is decided later, counts twice: once as waiting, once with its decision. A record that is
looked at again and stays where it is does not count again, nor does one that an operator reads again and that was
decided.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from node.exchange.arrival import Arrival
from node.stages import Decision, Outcome
from node.store.messages import Holding
from node.tallies import Latency, received, times

_COUNTED_BEFORE: Final[Mapping[Outcome, Callable[[Arrival], bool]]] = {
    Outcome.WAITING: lambda arrival: arrival.pending_id is not None,
    Outcome.HELD: lambda arrival: arrival.pending_id is not None,
    Outcome.REJECTED: lambda arrival: arrival.quarantine_id is not None or (arrival.read_again and arrival.kept_before),
    Outcome.DUPLICATE: lambda arrival: arrival.read_again or not arrival.is_new,
}
"""Outcome -> whether a record was counted with it before. With the other outcomes it never was."""


def tally_decisions(
    by_outcome: Mapping[Outcome, Sequence[tuple[Arrival, Decision]]], holdings: Sequence[Holding], now: int
) -> Counter[str]:
    """The counters that these decisions increase; `holdings` are the messages that they store, `now` is in ms."""
    counted: Counter[str] = Counter()
    for outcome, pairs in by_outcome.items():
        before = _COUNTED_BEFORE.get(outcome)
        new = pairs if before is None else [pair for pair in pairs if not before(pair[0])]
        for code, number in Counter([decision.code for _, decision in new]).items():
            counted[received(outcome.value, code)] += number
    own = [now - holding.terms.created_at for holding in holdings if holding.agreement is None]
    foreign = [now - holding.terms.created_at for holding in holdings if holding.agreement is not None]
    counted.update(times(Latency.WITNESSED, own))
    counted.update(times(Latency.STORED, foreign))
    return counted
