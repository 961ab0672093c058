"""A record on its way from where it was found to a decision."""

from dataclasses import dataclass

from node.stages import Decision, StreamId, Verified


@dataclass(slots=True, kw_only=True)
class Arrival:
    """One record as it was found, on its way to a decision."""

    topic: str
    place: StreamId
    position: int
    value: bytes | None
    placed: bool = False
    """It has its place already, and was kept because it had to wait."""

    pending_id: int | None = None
    quarantine_id: str | None = None
    """It was refused before, and is looked at again."""

    record: Verified | None = None
    decision: Decision | None = None

    @property
    def is_new(self) -> bool:
        """It was read from the log now, and not kept before."""
        return self.pending_id is None and self.quarantine_id is None
