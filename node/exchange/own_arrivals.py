"""Finds records that a key of this node signed and that this node did not send.

A second copy of the node signed them, or somebody who stole its SEAL key. Rules:

- What this process sealed is known by its bytes; what an earlier process sealed is in the outbox until it is read back.
- A record that took its place is held until an operator decides (`Unsent`).
- A record that steps 8 to 11 rejected stays in quarantine; it is a finding like the others.
- A leaf that took its place before counts only at or after the finding of its stream: then it was deferred.
"""

from collections.abc import Iterable, Sequence

from node.database.engine import Transaction
from node.exchange.arrival import Arrival
from node.exchange.placing import Placing
from node.integrity.own_heads import FOREIGN
from node.stages import Outcome, StreamId, Verified
from node.store import outbox, stream_findings
from node.verification.unsent import Unsent


def note_foreign(db: Transaction, placing: Placing, arrivals: Sequence[Arrival], unsent: Unsent) -> None:
    """Mark the foreign records among `arrivals`, and list those of them that are a finding."""
    own = [arrival for arrival in arrivals if arrival.place.originator == placing.node and arrival.own is None]
    for place, here in _by_place(own).items():
        first = stream_findings.first_of(db, FOREIGN, place)
        new = [(arrival, record) for arrival in here if (record := _new_record(arrival, first)) is not None]
        read_back = [(record.sequence, record.value) for _, record in new]
        unknown = outbox.not_sent(db, place.stream, read_back)
        for arrival, record in new:
            arrival.foreign = (record.sequence, record.value) in unknown
            if arrival.foreign and unsent is Unsent.HELD:
                placing.foreign.append(arrival)
        for arrival in here:  # held before: it stays so while the finding stands
            if arrival.pending_id is not None and unsent is Unsent.HELD:
                arrival.foreign = arrival.foreign and first is not None


def _new_record(arrival: Arrival, first: stream_findings.StreamFinding | None) -> Verified | None:
    """The record, if it is new, past step 7 and no duplicate."""
    record = arrival.verified
    if record is None or arrival.kept_before or not arrival.is_new:
        return None
    if arrival.repeated and (first is None or record.sequence < (first.sequence or 0)):
        return None
    undecided = arrival.decision is None or arrival.decision.outcome is Outcome.REJECTED
    return record if undecided else None


def _by_place(arrivals: Iterable[Arrival]) -> dict[StreamId, list[Arrival]]:
    grouped: dict[StreamId, list[Arrival]] = {}
    for arrival in arrivals:
        grouped.setdefault(arrival.place, []).append(arrival)
    return grouped
