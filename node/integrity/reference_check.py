"""Checks what refers to a batch or a record: outcomes that this node owes, receipts that it got, grants, positions."""

from sqlalchemy import and_, exists, func, select

from broker.streams import KEYS, stream_of, topic_of
from node.database.engine import Transaction
from node.database.receipt_tables import batch_outcome, own_batch, receipt
from node.database.stream_tables import granted, link, reading
from node.integrity.finding_types import FindingCode, Findings, key_of
from node.integrity.row_streams import rows_of


def check_positions(db: Transaction, findings: Findings) -> None:
    """Each position belongs to the stream that its topic names, and is not negative."""
    for row in rows_of(db, select(reading).order_by(reading.c.topic)):
        try:
            wanted = stream_of(row.topic)
        except ValueError:
            wanted = ("", "")
        if wanted != (row.stream, row.originator):
            found = topic_of(row.stream, row.originator)
            findings.report(FindingCode.REFERENCE_MISSING, "reading", row.topic, expected=row.topic, found=found)
        if row.position < 0:
            findings.report(
                FindingCode.REFERENCE_MISSING, "reading", row.topic, expected="a position from 0", found=row.position
            )


def check_outcomes(db: Transaction, findings: Findings) -> None:
    """Each batch about which this node owes or owed a receipt has one byte for each leaf of its link.

    A batch without a link is one whose records failed step 11: they have no place, and a receipt reports them.
    """
    joined = and_(
        link.c.originator == batch_outcome.c.originator,
        link.c.stream == batch_outcome.c.stream,
        link.c.hash == batch_outcome.c.hash,
    )
    keys = (batch_outcome.c.originator, batch_outcome.c.stream, batch_outcome.c.hash)
    statement = select(*keys, func.length(batch_outcome.c.outcomes).label("leaves"), link.c.size).join(link, joined)
    for row in rows_of(db, statement.where(func.length(batch_outcome.c.outcomes) != link.c.size)):
        findings.report(
            FindingCode.OUTCOMES_DIFFER,
            "batch_outcome",
            key_of(row.originator, row.stream, row.hash),
            expected=f"{row.size} leaves",
            found=f"{row.leaves} leaves",
        )


def check_receipts(db: Transaction, node: str, findings: Findings) -> None:
    """Each receipt that this node kept is about a batch that it sealed, with one byte for each leaf."""
    own = exists().where(own_batch.c.hash == receipt.c.batch)
    linked = exists().where(link.c.originator == node, link.c.hash == receipt.c.batch)
    keys = (receipt.c.batch, receipt.c.recipient, receipt.c.sequence)
    for row in rows_of(db, select(*keys).where(~own, ~linked)):
        findings.report(
            FindingCode.REFERENCE_MISSING, "receipt", key_of(*row), expected="an own batch", found="nothing"
        )


def check_grants(db: Transaction, findings: Findings) -> None:
    """Each grant is at a sequence of the `keys` stream that has a batch."""
    batch = exists().where(
        link.c.originator == granted.c.originator,
        link.c.stream == KEYS,
        link.c.first <= granted.c.sequence,
        link.c.first + link.c.size > granted.c.sequence,
    )
    keys = (granted.c.originator, granted.c.audience_key_id, granted.c.sequence)
    for row in rows_of(db, select(*keys).where(~batch)):
        findings.report(
            FindingCode.REFERENCE_MISSING,
            "granted",
            key_of(row.originator, row.audience_key_id),
            expected=f"a batch of {KEYS} with sequence {row.sequence}",
            found="nothing",
        )
