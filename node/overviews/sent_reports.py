"""What this node sent: its own reports with the outcome at each recipient, the newest first."""

from dataclasses import dataclass

from node.answers.plain_json import MessageId, TimeMs
from node.commands.consultation import log_asked
from node.commands.justification import NO_REASON, Justification
from node.commands.receipts import RecipientOutcome, outcomes_of
from node.database.engine import Transaction
from node.outgoing import accepted_reports
from node.outgoing.accepted_reports import AcceptedReport
from node.runtime.open_intake import OpenIntake
from node.store import own_reports
from node.store.access_log import Consultation
from node.trust.governance import Governance
from node.verification.receipt_bytes import OUTSTANDING


@dataclass(frozen=True, slots=True, kw_only=True)
class SentReport:
    """One own report, and what the receipts say about it."""

    report_id: str
    message_id: MessageId
    region: str
    created_at: TimeMs
    sequence: int | None
    """None until it is sealed."""

    state: str
    """accepted, set_aside, sealed, sent or witnessed."""

    recipients: tuple[RecipientOutcome, ...]
    cursor: str
    """Give this as `before` to get the next page."""


async def list_sent(
    intake: OpenIntake,
    *,
    before: int | None,
    limit: int,
    actor: str,
    why: Justification = NO_REASON,
    integrator: str | None = None,
) -> list[SentReport]:
    """The own reports that were accepted before the cursor `before`, at most `limit`.

    With `integrator`, only those that this integrator handed in. Logged as a consultation of `actor`.
    """
    store, node, governance = intake.store, intake.home.node, intake.documents.governance

    def read(db: Transaction) -> list[SentReport]:
        found = accepted_reports.newest(db, before=before, limit=limit, integrator=integrator)
        return [_sent(report, _recipients(db, node, governance, report)) for report in found]

    found = await store.read(read)
    subjects = [report.report_id for report in found]
    asked = Consultation(
        query="all" if before is None else f"before {before}", subjects=subjects, purpose=why.purpose, reason=why.reason
    )
    await log_asked(store, asked, command="sent list", actor=actor)
    return found


def _sent(report: AcceptedReport, recipients: list[RecipientOutcome]) -> SentReport:
    return SentReport(
        report_id=report.report_id,
        message_id=report.message_id,
        region=report.region,
        created_at=report.created_at,
        sequence=report.sequence,
        state=report.state,
        recipients=tuple(recipients),
        cursor=str(report.id),
    )


def _recipients(db: Transaction, node: str, governance: Governance, report: AcceptedReport) -> list[RecipientOutcome]:
    """The outcomes at the recipients; before the report is sealed, those that intake answered are outstanding."""
    if report.sequence is not None:
        own = own_reports.by_id(db, report_id="", message_id=report.message_id)
        return outcomes_of(db, node, governance, own)
    return [
        RecipientOutcome(
            message_id=report.message_id, recipient=code, outcome=OUTSTANDING, step=None, since=report.created_at
        )
        for code in report.audience
    ]
