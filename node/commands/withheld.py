"""`withheld list`: the messages that this node opened and may not keep."""

from dataclasses import dataclass

from node.answers.plain_json import MessageId, TimeMs
from node.database.engine import Store
from node.store import withheld_notes


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldMessage:
    """One withheld message. Nothing of its content is kept."""

    message_id: MessageId
    originator: str
    stream: str
    sequence: int
    code: str
    agreement: str | None
    clause: str | None
    reason: str
    noted_at: TimeMs


async def list_withheld(store: Store) -> list[WithheldMessage]:
    """Every withheld message, the oldest first."""
    notes = await store.read(withheld_notes.notes)
    return [
        WithheldMessage(
            message_id=note.message_id,
            originator=note.originator,
            stream=note.stream,
            sequence=note.sequence,
            code=note.code,
            agreement=note.agreement,
            clause=note.clause,
            reason=note.reason,
            noted_at=note.noted_at,
        )
        for note in notes
    ]
