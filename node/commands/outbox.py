"""`outbox list`, `outbox withdraw` and `outbox resend`: the own reports that are not settled.

They need the store and the documents, and neither the bus nor a private key: the daemon seals and sends.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from node.answers.arguments import parse_id
from node.answers.plain_json import MessageId, TimeMs
from node.database.engine import Store, Transaction
from node.errors import Refused, UsageError
from node.outgoing import own_copies
from node.outgoing.waiting_reports import waiting_reports
from node.runtime.open_intake import OpenIntake
from node.sealing.randomness import NonRepeatingRandom
from node.sending.serve_again import ServeAgain
from node.store import access_log
from node.store.access_log import Operation
from node.system_random import random_bytes
from schemas.excerpts import excerpt

REPORTS_IN_TRANSACTION_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxReport:
    """An own report that is not settled."""

    report_id: str
    message_id: MessageId
    region: str
    state: str
    """accepted, set_aside, sealed, sent or missed."""

    created_at: TimeMs
    sequence: int | None
    audience: tuple[str, ...]
    missed: tuple[str, ...]
    code: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnReport:
    """A report that will not be sealed."""

    report_id: str
    message_id: MessageId
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResentReport:
    """What was done about an own report in one region."""

    report_id: str
    message_id: MessageId
    region: str
    outcome: str
    """restored, resealed, waiting, expired or nothing."""

    audience: tuple[str, ...]


async def list_outbox(store: Store) -> list[OutboxReport]:
    """Every own report that is not settled, in the order of acceptance."""
    return [
        OutboxReport(
            report_id=found.report_id,
            message_id=found.message_id,
            region=found.region,
            state=found.state,
            created_at=found.created_at,
            sequence=found.sequence,
            audience=tuple(found.audience.split()),
            missed=tuple(found.missed.split()),
            code=found.code,
            reason=found.reason,
        )
        for found in await store.read(waiting_reports)
    ]


async def withdraw(intake: OpenIntake, ids: Sequence[str], *, actor: str) -> list[WithdrawnReport]:
    """Take reports out of the outbox that are not sealed; the same report may be handed in again.

    Raises Refused `not_found` or `already_sealed`, and withdraws nothing, if one of them cannot be withdrawn.
    """
    return await intake.store.write(partial(_withdraw, ids=ids, actor=actor, now=intake.clock()))


def _withdraw(db: Transaction, ids: Sequence[str], actor: str, now: int) -> list[WithdrawnReport]:
    own = own_copies.copies(db, _named(db, ids))
    waiting = [copy for copy in own if copy.sequence is None]
    still = {copy.report_id for copy in waiting}
    for copy in own:
        if copy.report_id not in still:
            message = f"report {copy.report_id} is sealed, so every node can have it"
            raise Refused("already_sealed", message, path="id", hint="publish a report that corrects it")
    if own_copies.withdraw(db, waiting) != len(waiting):
        raise Refused("already_sealed", "a report was sealed meanwhile", path="id", hint="call again")
    subjects = [(copy.report_id, "withdrawn from the outbox") for copy in waiting]
    access_log.add(db, Operation.ERASURE, actor=actor, subjects=subjects, now=now)
    return [
        WithdrawnReport(report_id=copy.report_id, message_id=copy.message_id, region=copy.region) for copy in waiting
    ]


async def resend(
    intake: OpenIntake, ids: Sequence[str] | None, *, to: Collection[str] | None = None, lost: bool = False
) -> list[ResentReport]:
    """Serve own reports again, those of `ids` or all: those set aside, and those that further parties may have now.

    With `to`, only these parties. With `lost`, also those of `to` for which a report was sealed, if no receipt of them
    settles it. Raises Refused `not_found`, UsageError `node_unknown`; `usage` if `lost` names no party.
    """
    if lost and not to:
        hint = "name each party that says that it does not have the reports"
        raise UsageError("usage", "the party that a lost report is sent to again is missing", path="to", hint=hint)
    governance = intake.documents.current()
    for code in to or ():
        if code not in governance.nodes:
            hint = f"one of {', '.join(sorted(governance.nodes))}"
            raise UsageError("node_unknown", f"no NODE document of {excerpt(code)} is installed", path="to", hint=hint)
    server = ServeAgain(
        node=intake.home.node,
        governance=lambda: governance,
        clock=intake.clock,
        random=NonRepeatingRandom(random_bytes),
    )
    answers: list[ResentReport] = []
    async for report_ids in _pages(intake.store, ids):
        served = await intake.store.write(partial(server.serve, report_ids=report_ids, to=to, lost=lost))
        answers += [
            ResentReport(
                report_id=done.report_id,
                message_id=done.message_id,
                region=done.region,
                outcome=done.outcome,
                audience=done.audience,
            )
            for done in served
        ]
    return answers


async def _pages(store: Store, ids: Sequence[str] | None) -> AsyncIterator[list[str]]:
    """The report ids to look at, a few at a time."""
    if ids is not None:
        named = await store.read(partial(_named, ids=ids))
        for start in range(0, len(named), REPORTS_IN_TRANSACTION_MAX):
            yield named[start : start + REPORTS_IN_TRANSACTION_MAX]
        return
    after = 0
    while page := await store.read(partial(own_copies.all_report_ids, after=after, limit=REPORTS_IN_TRANSACTION_MAX)):
        after = page[-1][0]
        yield list(dict.fromkeys(report_id for _, report_id in page))


def _named(db: Transaction, ids: Sequence[str]) -> list[str]:
    """The report ids of the own reports that `ids` name; Refused `not_found` for one that names none."""
    found: list[str] = []
    for text in ids:
        wanted = parse_id(text)
        reports = own_copies.report_ids(db, [(str(wanted), wanted.bytes)])
        if not reports:
            raise Refused("not_found", f"this node accepted no report or message {wanted}", path="id")
        found += sorted(reports)
    return list(dict.fromkeys(found))
