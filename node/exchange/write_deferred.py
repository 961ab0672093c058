"""Notes the positions of records that are above their budget, and the finding `records_deferred` about their stream.

Part of the transaction of `ingest`. The finding stands until no position of the stream is deferred any more.
"""

from collections.abc import Sequence

import structlog

from node.database.engine import Transaction
from node.exchange.arrival import Arrival
from node.stages import StreamId
from node.store import stream_findings
from node.undecided import deferred_positions

log = structlog.get_logger()

FINDING = "records_deferred"


def write_deferred(db: Transaction, arrivals: Sequence[Arrival], now: int) -> None:
    """Note the deferred arrivals, and settle the findings of the streams that were read again."""
    positions: dict[tuple[str, StreamId], list[int]] = {}
    for arrival in arrivals:
        if arrival.deferred:
            positions.setdefault((arrival.topic, arrival.place), []).append(arrival.position)
    for (topic, stream), noted in positions.items():
        deferred_positions.note(db, topic, noted, now)
        if stream_findings.note(db, FINDING, stream, sequence=None, position=min(noted), now=now):
            log.error("records_deferred", topic=topic, position=min(noted), records=len(noted))
    settled = {(arrival.topic, arrival.place) for arrival in arrivals if arrival.read_again} - positions.keys()
    left = deferred_positions.topics(db, {topic for topic, _ in settled})
    for topic, stream in settled:
        if topic not in left:
            stream_findings.close(db, FINDING, stream, now)
