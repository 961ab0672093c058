"""Writes what an ingest found about streams: gaps, records out of order, and records of this node that it did not send.

Part of the transaction of `ingest`.
"""

from typing import Final

import structlog

from node.database.engine import Transaction
from node.exchange.placing import Placing
from node.store import outbox, stream_findings
from node.verification.gaps import changed_stretches

log = structlog.get_logger()

FOREIGN: Final = "own_stream_foreign"


def witness(db: Transaction, placing: Placing, now: int) -> None:
    """Delete what was read back from the outbox. A record that the outbox did not send is a finding, once a stream."""
    for place, read_back in placing.witnessed.items():
        unknown = {record.sequence: record.value for record, arrival in read_back if arrival.own is None}
        foreign = outbox.not_sent(db, place.stream, unknown)
        outbox.witness(db, place.stream, [(record.sequence, record.value) for record, _ in read_back])
        found = [(record.sequence, arrival.position) for record, arrival in read_back if record.sequence in foreign]
        if found and not stream_findings.stands(db, FOREIGN, place):
            sequence, position = found[0]
            stream_findings.add(db, FOREIGN, place, sequence=sequence, position=position, now=now)
            log.error("own_stream_foreign", stream=place.stream, sequence=sequence, position=position)


def write_findings(db: Transaction, placing: Placing, now: int) -> None:
    """Bring the gaps of the streams up to date, and add the records that arrived out of order."""
    for place, position in placing.gaps_changed.items():
        stretches = changed_stretches(placing.views[place])
        for gap in stream_findings.settle_gaps(db, place, stretches, position, now):
            log.warning(
                "gap_found", code=gap.code, stream=place.stream, originator=place.originator, sequence=gap.first
            )
    for late in placing.out_of_order:
        sequence = late.record.sequence if late.record is not None else None
        stream_findings.add(db, "out_of_order", late.place, sequence=sequence, position=late.position, now=now)
