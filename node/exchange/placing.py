"""Places the records of one ingest in the chains of their streams, in memory. Pure.

Loading the parts of the chains before, and writing what changed, is the task of `ingest`.
"""

from dataclasses import dataclass, field

from node.errors import Rejected
from node.exchange.arrival import Arrival
from node.stages import Decision, Grant, Outcome, StreamId, Verified
from node.verification.chain import StreamView
from node.verification.clock_corrections import ClockCorrection, corrections_of
from node.verification.new_grants import NewGrants

GrantKey = tuple[str, bytes, int]
"""Originator, audience key id and sequence of a grant, as the header of a message names it."""


@dataclass(slots=True)
class Placing:
    """The chains that the records touch, and what placing the records changed."""

    node: str

    views: dict[StreamId, StreamView] = field(default_factory=dict)
    gaps_changed: dict[StreamId, int] = field(default_factory=dict)
    """Stream -> position of the first record that opened or closed a gap."""

    out_of_order: list[Arrival] = field(default_factory=list)
    new_grants: NewGrants = field(default_factory=NewGrants)
    known_grants: dict[GrantKey, Grant] = field(default_factory=dict)
    witnessed: dict[StreamId, list[tuple[Verified, Arrival]]] = field(default_factory=dict)
    """Own stream -> records of it that took their place now."""

    foreign: list[tuple[Arrival, int]] = field(default_factory=list)
    """Records that a key of this node signed and that this node did not send, each with its sequence, as far as no
    finding has them."""

    repeated: dict[StreamId, list[tuple[Verified, Arrival]]] = field(default_factory=dict)
    """Stream -> records whose leaf took its place in an earlier ingest."""

    corrections: dict[StreamId, list[ClockCorrection]] = field(default_factory=dict)
    """Stream -> what checkpoints of its originator that took their place now say about its times."""

    _placed_now: set[tuple[StreamId, int]] = field(default_factory=set)

    def grant(self, arrival: Arrival) -> Grant | None:
        """The grant that a record names, if it is here."""
        key = grant_key(arrival)
        if key is None:
            return None
        return self.known_grants.get(key) or self.new_grants.named(*key)

    def place(self, arrival: Arrival, record: Verified) -> None:
        """Steps 8 to 10: give a record its place in the chain."""
        view = self.views[arrival.place]
        try:
            placed = view.place(record)
        except Rejected as error:
            arrival.decision = Decision.rejected(error)
            return
        if placed.duplicate:
            arrival.decision = Decision(outcome=Outcome.DUPLICATE)
            if (arrival.place, record.sequence) not in self._placed_now:
                self.repeated.setdefault(arrival.place, []).append((record, arrival))
            return
        arrival.placed = True
        self._placed_now.add((arrival.place, record.sequence))
        if placed.gaps_changed:
            arrival.changed_gaps = True
            self.gaps_changed.setdefault(arrival.place, arrival.position)
        if placed.out_of_order:
            self.out_of_order.append(arrival)
        for correction in corrections_of(record):
            arrival.corrects = True
            self.corrections.setdefault(correction.stream, []).append(correction)
            if (corrected := self.views.get(correction.stream)) is not None:
                corrected.corrected[correction.batch] = correction.time
        if record.batch.originator == self.node:
            self.witnessed.setdefault(arrival.place, []).append((record, arrival))
        if placed.reused_id is not None:
            arrival.decision = Decision.rejected(placed.reused_id)
        else:
            self.take_grant(arrival.place, record, late=placed.out_of_order)

    def take_grant(self, place: StreamId, record: Verified, *, late: bool) -> None:
        """Keep the grant of a KEY_GRANT; the first one of its key decides. `late`: a later record was here before."""
        if record.grant is not None:
            self.new_grants.add(record, self.views[place], late=late)


def grant_key(arrival: Arrival) -> GrantKey | None:
    """The grant that the header of a record names; None for a record without one."""
    record = arrival.verified
    if record is None or (sealing := record.header.sealing) is None:
        return None
    return record.batch.originator, sealing.audience_key_id, sealing.grant
