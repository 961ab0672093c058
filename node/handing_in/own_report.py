"""What became of a report that an integrator handed in: its state on the way to the log, and at each recipient.

A report is in one of four states, by what the store has of it:

- accepted   it waits to be sealed, or was set aside because it cannot be sealed
- sealed     its sealed bytes wait for the acknowledgement of the log
- sent       the log acknowledged them, and the node has not read them back
- witnessed  the node read them back from the log
"""

from dataclasses import dataclass
from functools import partial

from node.answers.arguments import parse_id
from node.answers.plain_json import MessageId, TimeMs
from node.commands.receipts import RecipientOutcome, outcomes_of
from node.database.engine import Transaction
from node.errors import Refused
from node.outgoing import report_owners, report_states
from node.outgoing.report_states import ReportState
from node.runtime.open_intake import OpenIntake
from node.store import own_reports


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRecipient:
    """The outcome of a report at one recipient."""

    recipient: str
    outcome: str
    """stored, withheld, waiting, held, rejected or outstanding."""

    step: int | None
    """The step of the verification that rejected it."""

    since: TimeMs


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """One message that carries a report: the report has one in each region, and one for each later copy."""

    message_id: MessageId
    region: str
    state: str
    """accepted, sealed, sent or witnessed."""

    since: TimeMs
    """Since when; of a report that is sent, since when it is sealed."""

    set_aside: str | None
    """Why it cannot be sealed, as a code."""

    recipients: tuple[AtRecipient, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReportAnswer(SentMessage):
    """An own report: its first message, and the others."""

    report_id: str
    others: tuple[SentMessage, ...] = ()


async def own_report(intake: OpenIntake, id_: str, *, integrator: str | None) -> OwnReportAnswer:
    """The own report that a report id or message id names. With `integrator`, only one that this integrator handed in.

    Raises UsageError if `id_` is not a UUID, and Refused `not_found`. A report of another integrator is not found, so
    that its existence does not show.
    """
    wanted = parse_id(id_)
    look = partial(_look, intake=intake, report_id=str(wanted), message_id=wanted.bytes, integrator=integrator)
    found = await intake.store.read(look)
    if found is None:
        raise Refused("not_found", "this node accepted no report or message of this id from you", path="id")
    return found


def _look(
    db: Transaction, *, intake: OpenIntake, report_id: str, message_id: bytes, integrator: str | None
) -> OwnReportAnswer | None:
    states = report_states.by_id(db, intake.home.node, report_id=report_id, message_id=message_id)
    if integrator is not None and states:
        owned = report_owners.owned(db, {state.report_id for state in states}, integrator)
        states = [state for state in states if state.report_id in owned]
    if not states:
        return None
    outcomes: dict[bytes, list[AtRecipient]] = {}
    reports = own_reports.by_id(db, report_id=report_id, message_id=message_id)
    for outcome in outcomes_of(db, intake.home.node, intake.documents.governance, reports):
        outcomes.setdefault(outcome.message_id, []).append(_at_recipient(outcome))
    first, *others = [_message(state, outcomes.get(state.message_id, [])) for state in states]
    return OwnReportAnswer(
        report_id=states[0].report_id,
        message_id=first.message_id,
        region=first.region,
        state=first.state,
        since=first.since,
        set_aside=first.set_aside,
        recipients=first.recipients,
        others=tuple(others),
    )


def _message(state: ReportState, recipients: list[AtRecipient]) -> SentMessage:
    return SentMessage(
        message_id=state.message_id,
        region=state.region,
        state=state.state,
        since=state.since,
        set_aside=state.set_aside,
        recipients=tuple(recipients),
    )


def _at_recipient(outcome: RecipientOutcome) -> AtRecipient:
    return AtRecipient(recipient=outcome.recipient, outcome=outcome.outcome, step=outcome.step, since=outcome.since)
