"""`withheld list`: the messages that this node opened and may not keep. The access log has one entry for each list."""

from dataclasses import dataclass

from node.answers.plain_json import MessageId, TimeMs
from node.commands.consultation import log_asked
from node.commands.justification import NO_REASON, Justification
from node.database.engine import Store
from node.store import withheld_notes
from node.store.access_log import Consultation


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


async def list_withheld(
    store: Store, *, actor: str, why: Justification = NO_REASON, poll: bool = False
) -> list[WithheldMessage]:
    """Every withheld message, the oldest first; logged as a consultation of `actor`. `poll`: a machine asks."""
    notes = await store.read(withheld_notes.notes)
    asked = Consultation(query="all", subjects=(), hits=len(notes), purpose=why.purpose, reason=why.reason)
    await log_asked(store, asked, command="withheld list", actor=actor, poll=poll)
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
