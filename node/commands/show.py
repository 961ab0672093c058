"""`show`: one report with the decision about it, also where its content is withheld or still sealed."""

from dataclasses import dataclass

from node.answers.arguments import parse_id
from node.answers.plain_json import MessageId, TimeMs
from node.clock import now_ms
from node.commands.consultation import log_consultation
from node.commands.justification import NO_REASON, Justification, required_justification
from node.database.engine import Store
from node.errors import Refused
from node.stages import Outcome
from node.store import message_search, withheld_notes
from node.store.message_search import HeldMessage
from node.store.withheld_notes import WithheldNote
from node.undecided import pending_lists
from node.undecided.pending_lists import PendingMessage
from schemas.formats import time_text
from schemas.types import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionMade:
    """The decision of this node about a message."""

    outcome: str
    agreement: str | None
    clause: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReport:
    """One message; what is not known of a message that is not held is None."""

    report_id: str | None = None
    message_id: MessageId
    originator: str
    stream: str
    sequence: int
    created_at: TimeMs | None = None
    received_at: TimeMs | None = None
    report: Record | None = None
    cursor: str | None = None
    decision: DecisionMade


async def show(
    store: Store, id_: str, *, actor: str, why: Justification = NO_REASON, include_expired: bool = False
) -> list[ShownReport]:
    """Every message with the report id or message id `id_`; logged as a consultation of `actor`.

    Of a message that has expired, only place and decision are shown; the report is for a data-protection officer.
    Raises UsageError if `id_` is not a UUID, or `purpose_missing` if expired reports are asked for without a purpose
    and a reason. Raises Refused `not_found` if there is no such message.
    """
    if include_expired:
        required_justification(why.purpose, why.reason)
    wanted, now = parse_id(id_), now_ms()
    held, notes, pending = await store.read(
        lambda db: (
            message_search.by_id(db, report_id=str(wanted), message_id=wanted.bytes),
            withheld_notes.by_message_id(db, wanted.bytes),
            pending_lists.by_message_id(db, wanted.bytes),
        )
    )
    readable = [message for message in held if message.report is not None]
    if not include_expired:
        readable = [message for message in readable if message.expires_at > now]
    hidden = [message for message in held if message not in readable]
    command = "show, expired reports included" if include_expired else "show"
    await log_consultation(store, readable, query=str(wanted), why=why, command=command, actor=actor)
    shown = [*map(_held, readable), *map(_expired, hidden), *map(_withheld, notes), *map(_pending, pending)]
    if not shown:
        raise Refused("not_found", "no report or message of this id is here", path="id")
    return shown


def _held(message: HeldMessage) -> ShownReport:
    agreement, clause = message.agreement, message.clause
    reason = f"clause {clause} of {agreement} covers it" if agreement else "the node's own"
    return ShownReport(
        report_id=message.report_id,
        message_id=message.message_id,
        originator=message.originator,
        stream=message.stream,
        sequence=message.sequence,
        created_at=message.created_at,
        received_at=message.received_at,
        report=message.report,
        cursor=message.cursor,
        decision=DecisionMade(outcome=Outcome.STORED, agreement=agreement, clause=clause, reason=reason),
    )


def _expired(message: HeldMessage) -> ShownReport:
    reason = f"its retention ended {time_text(message.expires_at)}"
    return ShownReport(
        message_id=message.message_id,
        originator=message.originator,
        stream=message.stream,
        sequence=message.sequence,
        decision=DecisionMade(
            outcome=Outcome.WITHHELD,
            agreement=message.agreement,
            clause=message.clause,
            reason=reason if message.report is not None else f"{reason}, and its content was erased",
        ),
    )


def _withheld(note: WithheldNote) -> ShownReport:
    return ShownReport(
        message_id=note.message_id,
        originator=note.originator,
        stream=note.stream,
        sequence=note.sequence,
        decision=DecisionMade(
            outcome=Outcome.WITHHELD, agreement=note.agreement, clause=note.clause, reason=note.reason
        ),
    )


def _pending(message: PendingMessage) -> ShownReport:
    return ShownReport(
        message_id=message.message_id,
        originator=message.originator,
        stream=message.stream,
        sequence=message.sequence,
        received_at=message.received_at,
        decision=DecisionMade(outcome=message.outcome, agreement=None, clause=None, reason=message.reason),
    )
