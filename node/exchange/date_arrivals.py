"""Finds out when records from the future were sealed, if a checkpoint of their originator says so.

The rules are in node/verification/clock_corrections.py. Part of the transactions of `ingest`.
"""

from collections.abc import Iterable

import structlog

from node.database.engine import Transaction
from node.exchange.arrival import Arrival
from node.exchange.placing import Placing
from node.integrity import clock_corrections
from node.limits import CLOCK_SKEW_MS_MAX
from node.undecided import pending_records
from node.verification.clock_corrections import time_of

log = structlog.get_logger()


def date_arrivals(db: Transaction, placing: Placing, arrivals: Iterable[Arrival], now: int) -> None:
    """Give records that are dated in the future at `now` (ms) the time to which their originator corrected them."""
    for arrival in arrivals:
        record = arrival.record
        if record is None or record.batch.sealed_at <= now + CLOCK_SKEW_MS_MAX:
            continue
        known = [*placing.corrections.get(arrival.place, ()), *clock_corrections.of_stream(db, arrival.place)]
        time = time_of(record, known)
        arrival.dated = time if time < record.batch.sealed_at else None


def write_corrections(db: Transaction, placing: Placing, now: int) -> None:
    """Keep what arrived, and let the records that are held for a future time be looked at again."""
    for place, made in placing.corrections.items():
        clock_corrections.put(db, made)
        pending_records.make_due(db, place, now)
        newest = max(made, key=lambda correction: correction.next_sequence)
        log.warning(
            "clock_corrected",
            originator=place.originator,
            stream=place.stream,
            sequence=newest.next_sequence - 1,
            time=newest.time,
        )
