"""Finds records that a key of this node signed and that this node did not send.

A second copy of the node signed them, or somebody who stole its SEAL key. Rules:

- What this process sealed is known by its bytes; what an earlier process sealed is in the outbox until it is read back.
- A record that took its place is held until an operator decides (`Unsent`).
- A record that steps 8 to 11 rejected stays in quarantine; it is a finding like the others.
- So is a record with a header or a body that this program cannot read, or that names a governance state that is not
  here: its batch is signed, although it takes no place.
- A leaf that took its place before counts only at or after the finding of its stream: then it was deferred.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from node.database.engine import Transaction
from node.exchange.arrival import Arrival
from node.exchange.placing import Placing
from node.integrity.own_heads import FOREIGN
from node.stages import Outcome, StreamId
from node.store import outbox, stream_findings
from node.trust.governance import Governance
from node.verification.judge import UNKNOWN_GOVERNANCE, Judge
from node.verification.unsent import Unsent
from schemas.avro import codec
from schemas.types import Batch, SealedMessage

UNREADABLE: Final = frozenset({"header_malformed", "body_malformed", UNKNOWN_GOVERNANCE})
"""Why a record is refused or held after the signature over its batch was verified, without being read to its end."""

Leaf = tuple[int, bytes]
"""Sequence and bytes of a record."""


def note_foreign(db: Transaction, placing: Placing, arrivals: Sequence[Arrival], judge: Judge) -> None:
    """Mark the foreign records among `arrivals`, and list those of them that are a finding."""
    own = [arrival for arrival in arrivals if arrival.place.originator == placing.node and arrival.own is None]
    for place, here in _by_place(own).items():
        first = stream_findings.first_of(db, FOREIGN, place)
        new = [
            (arrival, leaf)
            for arrival in here
            if (leaf := _new_leaf(arrival, first) or _unreadable(arrival, judge.governance)) is not None
        ]
        unknown = outbox.not_sent(db, place.stream, [leaf for _, leaf in new])
        for arrival, leaf in new:
            arrival.foreign = leaf in unknown
            if arrival.foreign and judge.unsent is Unsent.HELD:
                placing.foreign.append((arrival, leaf[0]))
        for arrival in here:  # held before: it stays so while the finding stands
            if arrival.pending_id is not None and judge.unsent is Unsent.HELD:
                arrival.foreign = arrival.foreign and first is not None


def _new_leaf(arrival: Arrival, first: stream_findings.StreamFinding | None) -> Leaf | None:
    """The record, if it is new, past step 7 and no duplicate."""
    record = arrival.verified
    if record is None or arrival.kept_before or not arrival.is_new:
        return None
    if arrival.repeated and (first is None or record.sequence < (first.sequence or 0)):
        return None
    undecided = arrival.decision is None or arrival.decision.outcome is Outcome.REJECTED
    return (record.sequence, record.value) if undecided else None


def _unreadable(arrival: Arrival, governance: Governance) -> Leaf | None:
    """The record, if it is new and a key of its originator signed its batch, and it was not read to its end."""
    decision = arrival.decision
    if decision is None or decision.code not in UNREADABLE or not arrival.is_new or arrival.value is None:
        return None
    if arrival.kept_before or arrival.read_again:
        return None
    sealed = codec.decode(SealedMessage, arrival.value)
    batch = codec.decode(Batch, sealed.batch)
    if governance.key(batch.key_id) is None:  # held: with a key that is known, its signature was verified
        return None
    return batch.first_sequence + sealed.index, arrival.value


def _by_place(arrivals: Iterable[Arrival]) -> dict[StreamId, list[Arrival]]:
    grouped: dict[StreamId, list[Arrival]] = {}
    for arrival in arrivals:
        grouped.setdefault(arrival.place, []).append(arrival)
    return grouped
