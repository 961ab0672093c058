"""Ingests any number of records, one portion after the other, so that none of the transactions is too large.

A portion that is stored lets go of what was decoded for it: the reports of a fetch together can take a gigabyte.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from node.database.engine import Store
from node.exchange.arrival import Arrival
from node.exchange.ingest import Reread, ingest
from node.exchange.portions import portions
from node.verification.judge import Judge
from node.verification.new_grants import ArrivedGrant


async def ingest_portions(
    store: Store,
    judge: Callable[[], Judge],
    arrivals: Sequence[Arrival],
    *,
    positions: Mapping[str, int],
    clock: Callable[[], int],
    reread_from: int | None = None,
) -> list[ArrivedGrant]:
    """Ingest `arrivals`; `positions` are where reading goes on after them, empty if they were read before.

    Returns the grants that are new here. With `reread_from` the arrivals are those of one
    topic from this deferred position on. Raises Unavailable: then the portions before are stored.
    Afterwards an arrival has its decision without the opened message.
    """
    new_grants: list[ArrivedGrant] = []
    for portion in portions(arrivals, positions):
        reread = None
        if reread_from is not None:
            last = portion.arrivals[-1]
            reread = Reread(topic=last.topic, first=reread_from, end=last.position + 1)
            reread_from = reread.end
        new_grants += await ingest(
            store, judge(), portion.arrivals, positions=portion.positions, now=clock(), reread=reread
        )
        for arrival in portion.arrivals:
            _let_go(arrival)
    return new_grants


def _let_go(arrival: Arrival) -> None:
    """Keep the decision, and not what was decoded."""
    if arrival.decision is not None and arrival.decision.opened is not None:
        arrival.decision = replace(arrival.decision, opened=None)
