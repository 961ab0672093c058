"""`receipts`: the outcome of an own report at each recipient, and since when.

Each recipient of the sealed report has one item, with the outcome of its last receipt. A recipient without a receipt
is outstanding since the report was sealed. Of a report that is not sealed yet, each node that the agreements admit
now is outstanding since the report was accepted. Later receipts replace earlier ones by their sequence in the
recipient's stream; all are kept, so it is known since when an outcome holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from broker.streams import intel_stream
from node.answers.arguments import parse_id
from node.answers.plain_json import MessageId, TimeMs
from node.clock import now_ms
from node.commands.consultation import log_asked
from node.commands.justification import NO_REASON, Justification
from node.database.engine import Store, Transaction
from node.errors import Refused
from node.outgoing import own_copies
from node.primitives import ZERO_HASH
from node.reports.labels import labels_of
from node.runtime.home import Home
from node.sharing.recipients import decide_recipients
from node.stages import StreamId
from node.store import message_search, own_batches, own_reports, receipts_received, received_grants, withheld_notes
from node.store.access_log import Consultation
from node.store.own_reports import OwnReport
from node.store.receipts_received import ReceivedOutcomes
from node.trust.governance import Governance
from node.undecided import pending_lists
from node.verification.receipt_bytes import OUTSTANDING, meaning
from schemas.avro import codec
from schemas.types import Header, IntelligenceReport, SealedMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientOutcome:
    """The outcome of a report at one recipient."""

    message_id: MessageId
    recipient: str
    outcome: str
    """stored, withheld, waiting, held, rejected or outstanding."""

    step: int | None
    """The step of the verification that rejected it."""

    since: TimeMs


async def receipts_of(
    home: Home, store: Store, id_: str, *, actor: str, why: Justification = NO_REASON, poll: bool = False
) -> list[RecipientOutcome]:
    """One item for each recipient of the own report or message `id_`; none if no node is admitted.

    Logged as a consultation of `actor`. `poll`: a machine asks.

    Raises UsageError if `id_` is not a UUID, Refused `not_found`, or `not_originator` if another node is the
    originator.
    """
    wanted = parse_id(id_)
    governance = home.documents().governance
    found: Refused | None = None
    try:
        items = await store.read(lambda db: _items(db, home.node, governance, wanted))
    except Refused as refused:
        items, found = [], refused
    subjects = sorted({str(UUID(bytes=item.message_id)) for item in items})
    asked = Consultation(query=str(wanted), subjects=subjects, purpose=why.purpose, reason=why.reason)
    await log_asked(store, asked, command="receipts", actor=actor, poll=poll)
    if found is not None:
        raise found
    return items


def _items(db: Transaction, node: str, governance: Governance, wanted: UUID) -> list[RecipientOutcome]:
    reports = own_reports.by_id(db, report_id=str(wanted), message_id=wanted.bytes)
    if not reports:
        _refuse(db, wanted)
    return outcomes_of(db, node, governance, reports)


def outcomes_of(
    db: Transaction, node: str, governance: Governance, reports: Sequence[OwnReport]
) -> list[RecipientOutcome]:
    """One item for each recipient of each of the own reports."""
    items: list[RecipientOutcome] = []
    for report in reports:
        items += _unsealed(node, governance, report) if report.sequence is None else _sealed(db, node, report)
    return items


def _refuse(db: Transaction, wanted: UUID) -> None:
    held = message_search.by_id(db, report_id=str(wanted), message_id=wanted.bytes)
    withheld = withheld_notes.by_message_id(db, wanted.bytes)
    pending = pending_lists.by_message_id(db, wanted.bytes)
    for originator in (message.originator for messages in (held, withheld, pending) for message in messages):
        message = f"the originator of the report is {originator}, and only the originator gets receipts about it"
        raise Refused("not_originator", message, path="id")
    raise Refused("not_found", "this node accepted no report or message of this id", path="id")


def _unsealed(node: str, governance: Governance, report: OwnReport) -> list[RecipientOutcome]:
    if report.payload is None:  # it expired before it was sealed, and nobody gets it
        return []
    recipients = decide_recipients(
        labels_of(codec.decode(IntelligenceReport, report.payload), ZERO_HASH),
        region=report.region,
        originator=node,
        governance=governance,
        at=now_ms(),
    )
    return [_item(report, recipient, OUTSTANDING, None, report.created_at) for recipient in sorted(recipients.admitted)]


def _sealed(db: Transaction, node: str, report: OwnReport) -> list[RecipientOutcome]:
    sequence = report.sequence or 0
    stream = StreamId(stream=intel_stream(report.region), originator=node)
    batch = own_batches.at(db, stream, sequence)
    if batch is None:
        raise AssertionError("a sealed report is in a batch")
    receipts: dict[str, list[ReceivedOutcomes]] = {}
    for receipt in receipts_received.of_batch(db, batch.hash):
        receipts.setdefault(receipt.recipient, []).append(receipt)
    items = []
    for recipient in _audience(db, node, report):
        outcome, step, since = _last(receipts.get(recipient, ()), sequence - batch.first)
        items.append(_item(report, recipient, outcome, step, batch.sealed_at if since is None else since))
    return items


def _last(receipts: Sequence[ReceivedOutcomes], leaf: int) -> tuple[str, int | None, int | None]:
    """Outcome and step of the last receipt, and the time of the first receipt since which they are the same."""
    last: tuple[str, int | None] = (OUTSTANDING, None)
    since = None
    for receipt in receipts:
        outcome = meaning(receipt.outcomes[leaf])
        if outcome != last:
            last, since = outcome, None if outcome[0] == OUTSTANDING else receipt.sealed_at
    return *last, since


def _audience(db: Transaction, node: str, report: OwnReport) -> list[str]:
    """The recipients of a sealed report; for one that an earlier version sealed, those of the grant in its header."""
    if report.audience is not None:
        return report.audience.split()
    value = own_copies.sealed_value(db, node, report)
    sealing = codec.decode(Header, codec.decode(SealedMessage, value).header).sealing if value else None
    if sealing is None:
        return []
    key = (node, sealing.audience_key_id, sealing.grant)
    grant = received_grants.decisive(db, [key]).get(key)
    return sorted({entry.recipient for entry in grant.body.entries} - {node}) if grant else []


def _item(report: OwnReport, recipient: str, outcome: str, step: int | None, since: int) -> RecipientOutcome:
    return RecipientOutcome(message_id=report.message_id, recipient=recipient, outcome=outcome, step=step, since=since)
