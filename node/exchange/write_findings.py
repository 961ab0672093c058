"""Writes what an ingest found about streams: gaps, records out of order, foreign records and foreign keys.

Part of the transaction of `ingest`.
"""

from typing import Final

import structlog

from broker.streams import KEYS
from node.database.engine import Transaction
from node.exchange.placing import Placing
from node.integrity.own_heads import FOREIGN
from node.sharing.grants import foreign_entries
from node.stages import StreamId
from node.store import outbox, stream_findings
from node.verification.gaps import changed_stretches
from node.verification.judge import Judge

log = structlog.get_logger()

FOREIGN_KEY: Final = "own_key_foreign"


def witness(db: Transaction, placing: Placing, now: int) -> None:
    """Delete what was read back from the outbox. A record that this node did not send is a finding, once a stream."""
    for place, read_back in placing.witnessed.items():
        outbox.witness(db, place.stream, [(record.sequence, record.value) for record, _ in read_back])
    for arrival, sequence in placing.foreign:
        position = arrival.position
        if stream_findings.note(db, FOREIGN, arrival.place, sequence=sequence, position=position, now=now):
            log.error("own_stream_foreign", stream=arrival.place.stream, sequence=sequence, position=position)


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


def write_foreign_keys(db: Transaction, judge: Judge, placing: Placing, now: int) -> None:
    """Add a finding about a grant that names a foreign key of this node; close it when a later grant names none."""
    loose = placing.new_grants.loose
    for grant in (*loose, *(part for grants in placing.new_grants.by_key.values() for part in grants.parts)):
        if grant.originator == judge.node or not any(entry.recipient == judge.node for entry in grant.body.entries):
            continue
        place = StreamId(stream=KEYS, originator=grant.originator)
        foreign = foreign_entries(grant.body, judge.node, judge.holds, judge.governance)
        if not foreign:
            if stream_findings.stands(db, FOREIGN_KEY, place):
                stream_findings.close(db, FOREIGN_KEY, place, now)
        elif stream_findings.note(db, FOREIGN_KEY, place, sequence=grant.sequence, position=None, now=now):
            log.error("own_key_foreign", originator=grant.originator, sequence=grant.sequence, key_id=foreign[0].hex())
