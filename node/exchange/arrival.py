"""A record between its reading and its decision."""

from dataclasses import dataclass

from broker.log import Fetched
from node.sending.own_records import OwnRecord, OwnRecords
from node.stages import Decision, Outcome, StreamId, Verified


@dataclass(slots=True, kw_only=True)
class Arrival:
    """One record on its way to a decision: read from the log now, or kept and looked at again."""

    topic: str
    place: StreamId
    position: int
    value: bytes | None
    appended_at: int | None = None
    """When the log stored it, in ms, as the log says."""

    placed: bool = False
    """It has its place in the chain. So has a record that was kept because it had to wait."""

    changed_gaps: bool = False
    """It opened or closed a gap of its stream."""

    pending_id: int | None = None
    """Its row in `pending`, if it waited or was held."""

    quarantine_id: str | None = None
    """Its row in `quarantine`, if it was rejected before."""

    own: OwnRecord | None = None
    """This process sealed it, with the same bytes."""

    read_again: bool = False
    """Its position was deferred, or an operator asked for it: the log was read there before."""

    repeated: bool = False
    """Its leaf has its place in the chain already, and the store has no row of it."""

    grant_left: bool = False
    """It is repeated, and its grant has left the store: every message under that grant was decided."""

    kept_before: bool = False
    """The same bytes are in quarantine already."""

    foreign: bool = False
    """A key of this node signed it, and this node did not send it."""

    dated: int | None = None
    """A checkpoint of the originator says that it was sealed at this time, in ms, and not when its batch says."""

    corrects: bool = False
    """It is a checkpoint that dates batches of its originator earlier."""

    deferred: bool = False
    """It is above its budget: its position is noted, its bytes are not kept."""

    record: Verified | None = None
    decision: Decision | None = None

    @property
    def is_new(self) -> bool:
        """It was read from the log now, and not kept before."""
        return self.pending_id is None and self.quarantine_id is None

    @property
    def is_pending(self) -> bool:
        """It was decided to wait or to be held."""
        return self.decision is not None and self.decision.outcome in (Outcome.WAITING, Outcome.HELD)

    @property
    def verified(self) -> Verified | None:
        """The record past step 7, also if step 11 rejected its key and it takes no place in the chain."""
        return self.record or (self.decision.traceless if self.decision is not None else None)


def arrivals_of(fetched: Fetched, place: StreamId, own_records: OwnRecords) -> list[Arrival]:
    """The records of one answer of the log."""
    return [
        Arrival(
            topic=entry.topic,
            place=place,
            position=entry.position,
            value=entry.value,
            appended_at=entry.appended_at,
            own=own_records.find(place, entry.value),
        )
        for entry in fetched.entries
    ]
