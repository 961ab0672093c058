"""`publish`: hands reports in, as JSON or NDJSON, and answers each one in the order of the input.

A bad item is refused with the errors of its fields, and the next one goes on. Needs an open intake
(node/runtime/open_intake.py) and nothing of the command line.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final

from broker.topology import Topology
from node.answers.plain_json import MessageId
from node.database.engine import Transaction
from node.reports import ndjson
from node.reports.plausibility import FieldWarning, warnings_of
from node.reports.references import Originators, referred_ids
from node.reports.validate import ReportRefused, validate
from node.runtime.open_intake import OpenIntake
from node.sending.publish import Acceptance
from node.sharing.recipients import Recipients
from node.stages import Draft
from node.store import message_search, own_reports, stream_findings
from schemas.field_errors import FieldError

ITEMS_IN_TRANSACTION_MAX: Final = 200
STOPS: Final = ("own_stream_foreign", "head_behind", "clock_implausible", "head_in_future")
"""Findings about own streams that stop the sealing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRecipient:
    """A node that may not have the report, and why."""

    recipient: str
    agreement: str | None
    clause: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAnswer:
    """The outcome of one report that was handed in."""

    line: int
    """Where the item begins in the input, from 1."""

    outcome: str
    """accepted, duplicate or refused."""

    report_id: str | None = None
    message_id: MessageId | None = None
    audience: tuple[str, ...] = ()
    """Codes of the recipients."""

    refusals: tuple[RefusedRecipient, ...] = ()
    """Who may not have it, and why."""

    errors: tuple[FieldError, ...] = ()
    """What is wrong with it, if it is refused."""

    warnings: tuple[FieldWarning, ...] = ()
    """What looks wrong in a valid report."""

    held_back: str | None = None
    """The code of the finding because of which nothing is sealed now: the report waits in the outbox. None: nothing."""


async def publish(intake: OpenIntake, data: bytes, *, actor: str, dry_run: bool = False) -> AsyncGenerator[ItemAnswer]:
    """Hand in every report of `data` (one JSON object, or NDJSON); one answer for each, in their order.

    An answer is given when its report is safe in the outbox. `actor` is the user that the access log names. A caller
    that stops before the last answer closes the generator while the intake is open.
    """
    items = ndjson.parse_lines(data)
    while chunk := list(islice(items, ITEMS_IN_TRANSACTION_MAX)):
        for answer in await publish_items(intake, chunk, actor=actor, dry_run=dry_run):
            yield answer


async def publish_items(intake: OpenIntake, items: ndjson.Items, *, actor: str, dry_run: bool) -> list[ItemAnswer]:
    """Hand in some items in one transaction; one answer for each, in their order."""
    intake.documents.current()
    checked = await validated(intake, items, intake.topology())
    drafts = drafts_of(checked)
    acceptances = await intake.publisher.accept(drafts, actor=actor, dry_run=dry_run) if drafts else ()
    held_back = await intake.store.read(partial(why_held_back, node=intake.home.node)) if drafts else None
    return item_answers(intake, checked, acceptances, held_back)


CheckedItem = tuple[int, Draft | Sequence[FieldError]]
"""The line of an item, and its draft or the errors of its fields."""


async def validated(intake: OpenIntake, items: Sequence[ndjson.Item], topology: Topology) -> list[CheckedItem]:
    """Check items against the schema, the rules, and the messages that are known here."""
    wanted = [id_ for _, item in items if isinstance(item, dict) for id_ in referred_ids(item)]
    known = await _originators(intake, wanted) if wanted else {}
    return [(line, _draft_of(intake, item, known, topology)) for line, item in items]


def drafts_of(checked: Sequence[CheckedItem]) -> list[Draft]:
    """The items that are reports."""
    return [result for _, result in checked if isinstance(result, Draft)]


def item_answers(
    intake: OpenIntake, checked: Sequence[CheckedItem], acceptances: Sequence[Acceptance], held_back: str | None
) -> list[ItemAnswer]:
    """One answer for each item; `acceptances` are those of `drafts_of(checked)`."""
    following = iter(acceptances)
    return [
        replace(accepted_item(line, next(following), draft_warnings(intake, result)), held_back=held_back)
        if isinstance(result, Draft)
        else refused_item(line, result)
        for line, result in checked
    ]


def why_held_back(db: Transaction, node: str) -> str | None:
    """The code of the finding because of which nothing is sealed now, as far as the daemon has found it."""
    found = stream_findings.all_about(db, node, STOPS)
    return found[0].code if found else None


def _draft_of(
    intake: OpenIntake, item: dict[str, object] | FieldError, known: Originators, topology: Topology
) -> Draft | Sequence[FieldError]:
    """The draft of an item, or the errors of its fields."""
    if isinstance(item, FieldError):
        return [item]
    try:
        return validate(
            item,
            originator=intake.home.node,
            topology=topology,
            now_ms=intake.clock(),
            resolve_references=known,
        )
    except ReportRefused as refused:
        return refused.errors


async def _originators(intake: OpenIntake, wanted: Sequence[bytes]) -> Originators:
    """Message id -> originators, of those messages that are known here."""

    def look_up(db: Transaction) -> Originators:
        known = message_search.originators(db, wanted)
        for message_id in own_reports.own_message_ids(db, wanted):
            known.setdefault(message_id, set()).add(intake.home.node)
        return known

    return await intake.store.read(look_up)


def draft_warnings(intake: OpenIntake, draft: Draft) -> tuple[FieldWarning, ...]:
    """What looks wrong in a valid report; and that it waits, if nothing can be sealed now."""
    found = warnings_of(draft.report, originator=intake.home.node, now_ms=intake.clock())
    reason = intake.why_not_sealed()
    if reason is None:
        return found
    message = f"the report waits in the outbox: {reason}"
    return (*found, FieldWarning(path="", code="sealing_waits", message=message))


def accepted_item(line: int, acceptance: Acceptance, warnings: tuple[FieldWarning, ...]) -> ItemAnswer:
    """The answer to a report that the publisher saw."""
    addressed = acceptance.addressed
    return ItemAnswer(
        line=line,
        outcome=acceptance.outcome,
        report_id=acceptance.report_id,
        message_id=acceptance.message_id,
        audience=tuple(sorted(addressed.admitted)) if addressed else (),
        refusals=_refused(addressed) if addressed else (),
        errors=service_errors(acceptance),
        warnings=warnings,
    )


def service_errors(acceptance: Acceptance) -> tuple[FieldError, ...]:
    """Why the publisher refused a valid report."""
    error = acceptance.error
    return () if error is None else (FieldError(path=error.path or "", code=error.code, message=error.message),)


def _refused(recipients: Recipients) -> tuple[RefusedRecipient, ...]:
    return tuple(
        RefusedRecipient(
            recipient=refusal.recipient, agreement=refusal.agreement, clause=refusal.clause, reason=refusal.reason
        )
        for refusal in recipients.refusals
    )


def refused_item(line: int, errors: Sequence[FieldError]) -> ItemAnswer:
    """The answer to an item that is not a report."""
    return ItemAnswer(line=line, outcome="refused", errors=tuple(errors))
