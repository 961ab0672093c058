"""What became of an own report abroad: for each recipient the last outcome that it told, and since when.

The audience is whom the report was sealed for. Who told nothing of it yet is outstanding since it was sealed; of a
report that is not sealed yet, those whom the agreements admit now, since it was accepted. Later receipts replace
earlier ones by their place in the recipient's stream; all are kept, so it is known since when an outcome holds.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from broker.streams import intel_stream
from node.clock import now_ms
from node.database.engine import Transaction
from node.errors import Refused, UsageError
from node.primitives import ZERO_HASH
from node.reports.labels import labels_of
from node.runtime.home import Home
from node.runtime.open_node import open_store
from node.sharing.recipients import decide_recipients
from node.stages import StreamId
from node.store import (
    message_search,
    own_batches,
    own_reports,
    pending_records,
    receipts_received,
    received_grants,
    withheld_notes,
)
from node.verification.receipt_bytes import OUTSTANDING, meaning
from schemas.avro import codec
from schemas.types import Header, IntelligenceReport, SealedMessage


async def receipts_of(home: Home, id_: str) -> list[dict[str, Any]]:
    """One item for each recipient of the report or message `id_`; none if nobody is admitted.

    Raises Refused with `not_found`, or `not_originator` if another node gave the report.
    """
    try:
        wanted = UUID(id_)
    except ValueError:
        raise UsageError("usage", f"{id_} is no UUID", path="id") from None
    node = home.config.node.id
    async with open_store(home) as store, store.read() as db:
        found = await own_reports.by_id(db, report_id=str(wanted), message_id=wanted.bytes)
        if not found:
            await _refuse(db, wanted)
        items: list[dict[str, Any]] = []
        for draft in found:
            items += await (_unsealed(home, draft) if draft.sequence is None else _sealed(db, node, draft))
    return items


async def _refuse(db: Transaction, wanted: UUID) -> None:
    held = await message_search.by_id(db, report_id=str(wanted), message_id=wanted.bytes)
    withheld = await withheld_notes.by_message_id(db, wanted.bytes)
    pending = await pending_records.by_message_id(db, wanted.bytes)
    originators = [message.originator for messages_here in (held, withheld, pending) for message in messages_here]
    for originator in originators:
        raise Refused(
            "not_originator",
            f"the report is one of {originator}, and only its originator is told what became of it",
            path="id",
        )
    raise Refused("not_found", "no report or message of this id was handed in here", path="id")


async def _unsealed(home: Home, draft: own_reports.OwnReport) -> list[dict[str, Any]]:
    addressed = decide_recipients(
        labels_of(codec.decode(IntelligenceReport, draft.payload or b""), ZERO_HASH),
        region=draft.region,
        originator=home.config.node.id,
        governance=home.documents().governance,
        at=now_ms(),
    )
    return [_item(draft, recipient, OUTSTANDING, None, draft.created_at) for recipient in sorted(addressed.admitted)]


async def _sealed(db: Transaction, node: str, draft: own_reports.OwnReport) -> list[dict[str, Any]]:
    sequence = draft.sequence or 0
    place = StreamId(stream=intel_stream(draft.region), originator=node)
    batch = await own_batches.at(db, place, sequence)
    if batch is None:
        raise AssertionError("what was sealed is in a batch")
    told: dict[str, list[receipts_received.ReceivedOutcomes]] = {}
    for one in await receipts_received.of_batch(db, batch.hash):
        told.setdefault(one.recipient, []).append(one)
    items = []
    for recipient in await _audience(db, node, draft):
        outcome, step, since = _last(told.get(recipient, ()), sequence - batch.first)
        items.append(_item(draft, recipient, outcome, step, batch.sealed_at if since is None else since))
    return items


def _last(told: Sequence[receipts_received.ReceivedOutcomes], leaf: int) -> tuple[str, int | None, int | None]:
    """The outcome of the last receipt, and when the first of those that say the same since was sealed."""
    outcome: tuple[str, int | None] = (OUTSTANDING, None)
    since = None
    for one in told:
        says = meaning(one.outcomes[leaf])
        if says != outcome:
            outcome, since = says, None if says[0] == OUTSTANDING else one.sealed_at
    return *outcome, since


async def _audience(db: Transaction, node: str, draft: own_reports.OwnReport) -> list[str]:
    """Whom it was sealed for; what an earlier version sealed is looked up in the grant that its header names."""
    if draft.audience is not None:
        return draft.audience.split()
    value = await own_reports.sealed_value(db, node, draft)
    sealing = codec.decode(Header, codec.decode(SealedMessage, value).header).sealing if value else None
    if sealing is None:
        return []
    key = (node, sealing.audience_key_id, sealing.grant)
    grant = (await received_grants.decisive(db, [key])).get(key)
    return sorted({entry.recipient for entry in grant.body.entries} - {node}) if grant else []


def _item(draft: own_reports.OwnReport, recipient: str, outcome: str, step: int | None, since: int) -> dict[str, Any]:
    return {
        "message_id": draft.message_id,
        "recipient": recipient,
        "outcome": outcome,
        "step": step,
        "since": since,
    }
