"""Checks the accepted reports: each waits with its payload, or is sealed at a sequence of its stream."""

from typing import Final

from sqlalchemy import select

from broker.streams import intel_stream
from node.database.engine import Transaction
from node.database.outgoing_tables import draft, head
from node.database.record_tables import message
from node.integrity.finding_types import FindingCode, Findings, key_of
from node.integrity.row_streams import rows_of
from node.store.set_aside import EXPIRED

INTEL_PREFIX: Final = intel_stream("")
"""What precedes the region in the name of a stream."""


def check_drafts(db: Transaction, node: str, findings: Findings) -> None:
    """Check every accepted report of `node`."""
    _check_states(db, findings)
    _check_messages(db, node, findings)


def _check_states(db: Transaction, findings: Findings) -> None:
    """A draft has a payload until it expires or has a sequence, which is below the head of its stream."""
    heads = {row.stream: row.next_sequence for row in db.execute(select(head.c.stream, head.c.next_sequence))}
    bare = draft.c.payload.is_(None).label("bare")
    columns = (draft.c.id, draft.c.region, draft.c.sequence, draft.c.set_aside_code, bare)
    for row in rows_of(db, select(*columns).order_by(draft.c.id)):
        end = heads.get(intel_stream(row.region), 1)
        has_left = row.sequence is not None or row.set_aside_code == EXPIRED
        if row.bare != has_left:
            found = "neither" if row.bare else "both"
            _report(findings, row.id, "a payload or a sequence", found)
        if row.sequence is not None and not 1 <= row.sequence < end:
            _report(findings, row.id, f"a sequence from 1 and below {end}", row.sequence)


def _check_messages(db: Transaction, node: str, findings: Findings) -> None:
    """The message at the sequence of a draft has the message id of the draft."""
    stored = (
        select(draft.c.id, draft.c.message_id, message.c.message_id.label("stored"))
        .join(
            message,
            (message.c.originator == node)
            & (message.c.stream == INTEL_PREFIX + draft.c.region)
            & (message.c.sequence == draft.c.sequence),
        )
        .where(message.c.message_id != draft.c.message_id)
    )
    for row in rows_of(db, stored):
        _report(findings, row.id, f"message {row.message_id.hex()}", f"message {row.stored.hex()}")


def _report(findings: Findings, id_: int, expected: str, found: object) -> None:
    findings.report(FindingCode.DRAFT_DIFFERS, "draft", key_of(id_), expected=expected, found=found)
