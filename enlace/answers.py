"""The answers of the gateway as types; the keys are those of docs/contract.md. Pure.

A key that this version does not know is ignored, so that a newer gateway can be used. A key that is missing, or has
another type, raises AnswerMalformed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from enlace.errors import AnswerMalformed
from enlace.report_json import typed_report
from schemas.types import Evaluation, IntelligenceReport

T = TypeVar("T")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class RefusedRecipient(Answer, frozen=True, kw_only=True):
    """A node that may not have the report, and why."""

    recipient: str
    reason: str
    agreement: str | None = None
    clause: str | None = None


class FieldNote(Answer, frozen=True, kw_only=True):
    """What is wrong with a field, or looks wrong."""

    path: str
    code: str
    message: str
    allowed: tuple[str, ...] = ()


class Published(Answer, frozen=True, kw_only=True):
    """The outcome of one report that the node has."""

    outcome: str
    """accepted, or duplicate: the node had it before."""

    report_id: str
    message_id: str
    audience: tuple[str, ...] = ()
    """Codes of the nodes that may have it; empty for a duplicate."""

    refusals: tuple[RefusedRecipient, ...] = ()
    warnings: tuple[FieldNote, ...] = ()
    held_back: str | None = None
    """Why nothing is sealed now; the report waits in the outbox."""


class ItemAnswer(Answer, frozen=True, kw_only=True):
    """The outcome of one report of `publish_many`."""

    line: int = 1
    """The number of the report in the input, from 1."""

    outcome: str
    """accepted, duplicate or refused."""

    report_id: str | None = None
    """None for a refused report."""

    message_id: str | None = None
    audience: tuple[str, ...] = ()
    """Codes of the nodes that may have it; empty for a duplicate."""

    refusals: tuple[RefusedRecipient, ...] = ()
    errors: tuple[FieldNote, ...] = ()
    warnings: tuple[FieldNote, ...] = ()
    held_back: str | None = None
    """Why nothing is sealed now; the report waits in the outbox."""


class Preview(Answer, frozen=True, kw_only=True):
    """Who would get a report. Nothing of it was kept."""

    audience: tuple[str, ...] = ()
    refusals: tuple[RefusedRecipient, ...] = ()
    warnings: tuple[FieldNote, ...] = ()


class RecipientOutcome(Answer, frozen=True, kw_only=True):
    """The outcome of a report at one recipient, as it signed it."""

    recipient: str
    outcome: str
    """stored, withheld, waiting, held, rejected, or outstanding: there is no receipt yet."""

    step: int | None = None
    since: datetime | None = None


class ReportState(Answer, frozen=True, kw_only=True):
    """How far an own report is, and what became of it at each recipient."""

    report_id: str
    message_id: str
    state: str
    """accepted, sealed, sent or witnessed."""

    since: datetime | None = None
    recipients: tuple[RecipientOutcome, ...] = ()

    def outcome_at(self, recipient: str) -> str | None:
        """The outcome at a node; None if it is not a recipient."""
        return next((item.outcome for item in self.recipients if item.recipient == recipient), None)


class Decision(Answer, frozen=True, kw_only=True):
    """The decision of this node about a message."""

    outcome: str
    reason: str
    agreement: str | None = None
    clause: str | None = None


class Message(Answer, frozen=True, kw_only=True):
    """A report that this node holds, or the decision about one that it does not hold."""

    message_id: str
    originator: str
    stream: str
    sequence: int
    report_id: str | None = None
    created_at: datetime | None = None
    received_at: datetime | None = None
    content: Mapping[str, Any] | None = msgspec.field(default=None, name="report")
    """The report as JSON; in a stream without `content=True`, it lacks the narrative."""

    cursor: str | None = None
    decision: Decision | None = None
    others: "tuple[Message, ...]" = ()
    """The messages of the same report id in other regions, in an answer to `message`."""

    @property
    def report(self) -> IntelligenceReport:
        """The report as the type that the schemas generate. Raises AnswerMalformed if it is not whole."""
        return typed_report(self.content)


class Event(Answer, frozen=True, kw_only=True):
    """A message that arrived."""

    id: str
    """Give it as `last_event_id` to go on after this event."""

    message: Message


class Match(Answer, frozen=True, kw_only=True):
    """A report that has the identifier, with what restricts its use and what it is worth."""

    message_id: str
    originator: str
    handling: tuple[str, ...] = ()
    evaluation: Evaluation
    subjects: tuple[str, ...] = ()
    report_id: str | None = None
    handling_text: str | None = None


class Checked(Answer, frozen=True, kw_only=True):
    """The answer to one identifier."""

    scheme: str | None = None
    value: str | None = None
    country: str | None = None
    hit: bool | None = None
    """None: the question was refused, see `errors`."""

    matches: tuple[Match, ...] = ()
    more: bool = False
    errors: tuple[FieldNote, ...] = ()


def decode(cls: type[T], data: bytes) -> T:
    """The answer of its JSON. Raises AnswerMalformed."""
    try:
        return msgspec.json.decode(data, type=cls)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        name = getattr(cls, "__name__", "object")
        raise AnswerMalformed("answer_malformed", f"the answer is not a valid {name}: {error}") from None


def decode_object(data: bytes) -> dict[str, Any]:
    """The JSON object of an answer as it is. Raises AnswerMalformed."""
    found: dict[str, Any] = decode(dict[str, Any], data)
    return found
