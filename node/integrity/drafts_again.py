"""Turns what this node sealed and what no node will accept into drafts again, when it adopts another end of a stream.

The sealed bytes of such a stream that did not come back from the log name sequences that other records have. They are
opened with this node's own entry in their grants, and deleted. Outcomes for receipts among them are due again.
"""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import delete, select, update

from broker.streams import INTEL, KEYS, RECEIPTS, region_of
from node.database.engine import Transaction
from node.database.outgoing_tables import draft, outgoing, own_grant
from node.database.receipt_tables import batch_outcome, own_batch
from node.database.stream_tables import link
from node.errors import Rejected
from node.sharing.grants import own_entry
from node.stages import Grant, StreamId, Verified
from node.store import counters, receipts_due
from node.verification.judge import Judge, grant_of
from node.verification.opening import message_key, open_content
from node.verification.verify import verify
from schemas.avro import codec
from schemas.types import GrantEntry, KeyGrant, Receipt

_GONE: Final = ("labels", "terms", "audience")


def take_back(db: Transaction, judge: Judge, streams: Collection[str], now: int) -> int:
    """Take back what the outbox has of own `streams`; returns how many reports are drafts again.

    Raises Rejected if sealed bytes of this node cannot be opened by it.
    """
    records = {stream: _records(db, judge, stream) for stream in streams}
    grants = _grants(db, judge, records.get(KEYS, ()))
    reports = [record for stream, found in records.items() if stream.startswith(f"{INTEL}.") for record in found]
    again = sum(_make_draft(db, record, _payload(judge, record, grants)) for record in reports)
    for record in records.get(RECEIPTS, ()):
        _owe(db, codec.decode(Receipt, record.sealed.content), now)
    for stream in streams:
        db.execute(delete(outgoing).where(outgoing.c.stream == stream))
        _forget_batches(db, judge.node, stream)
    dropped = [record.sequence for record in records.get(KEYS, ())]
    db.execute(delete(own_grant).where(own_grant.c.sequence.in_(dropped)))
    counters.increase(db, {counters.ACCEPTED: again})
    return again


def _records(db: Transaction, judge: Judge, stream: str) -> list[Verified]:
    """The sealed bytes in the outbox, verified as far as no time matters."""
    place = StreamId(stream=stream, originator=judge.node)
    values = db.scalars(select(outgoing.c.value).where(outgoing.c.stream == stream).order_by(outgoing.c.sequence))
    found = [verify(value, place=place, governance=judge.governance, memory=judge.memory) for value in values]
    return [record for record in found if isinstance(record, Verified)]


def _grants(db: Transaction, judge: Judge, unsent: Collection[Verified]) -> dict[bytes, Grant]:
    """The own grants by audience key id: those in use, and those that did not come back from the log."""
    kept = db.execute(select(own_grant.c.sequence, own_grant.c.sealed_at, own_grant.c.body))
    grants = [
        Grant(
            originator=judge.node,
            sequence=row.sequence,
            sealed_at=row.sealed_at,
            body=codec.decode(KeyGrant, row.body),
        )
        for row in kept
    ]
    grants += [grant_of(record) for record in unsent]
    return {grant.body.audience_key_id: grant for grant in grants if _entry(judge, grant) is not None}


def _entry(judge: Judge, grant: Grant) -> GrantEntry | None:
    entry = own_entry(grant, judge.node, judge.holds)
    return entry if isinstance(entry, GrantEntry) else None


def _payload(judge: Judge, record: Verified, grants: dict[bytes, Grant]) -> bytes:
    sealing = record.header.sealing
    grant = grants.get(sealing.audience_key_id) if sealing is not None else None
    entry = _entry(judge, grant) if grant is not None else None
    if grant is None or entry is None:
        raise Rejected("grant_unlawful", f"the grant of the record at sequence {record.sequence} is not here")
    _, payload = open_content(record, message_key(judge.audience_keys.key(grant, entry), record))
    return payload


def _make_draft(db: Transaction, record: Verified, payload: bytes) -> int:
    """Returns 1; 0 if the store does not know the report."""
    gone: dict[str, Any] = dict.fromkeys((*_GONE, "sequence"))
    here = draft.c.message_id == record.header.message_id, draft.c.region == region_of(record.batch.stream)
    return db.execute(update(draft).where(*here).values(payload=payload, **gone)).rowcount


def _owe(db: Transaction, receipt: Receipt, now: int) -> None:
    here = batch_outcome.c.originator == receipt.originator, batch_outcome.c.stream == receipt.stream
    hashes = [item.batch for item in receipt.items]
    values = {"due": receipts_due.DUE, "due_since": now, "changed_at": now}
    db.execute(update(batch_outcome).where(*here, batch_outcome.c.hash.in_(hashes)).values(**values))


def _forget_batches(db: Transaction, node: str, stream: str) -> None:
    """Forget the batches of a stream that are not in its chain."""
    chained = select(link.c.hash).where(link.c.originator == node, link.c.stream == stream)
    db.execute(delete(own_batch).where(own_batch.c.stream == stream, own_batch.c.hash.not_in(chained)))
