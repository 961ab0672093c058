"""Checks what is kept about many rows: the numbers of rows, and the latest time of each block of messages."""

from typing import Final

from sqlalchemy import select

from node.database.engine import Transaction
from node.database.record_tables import BLOCK_SIZE, message, message_block
from node.integrity.finding_types import FindingCode, Findings, key_of
from node.integrity.row_streams import rows_of
from node.store import counters

_MESSAGES: Final = (
    select(message.c.id, message.c.created_at, message_block.c.created_max)
    .outerjoin(message_block, message_block.c.block == message.c.id // BLOCK_SIZE)
    .order_by(message.c.id)
)


def check_numbers(db: Transaction, findings: Findings) -> None:
    """Count the rows whose number is kept, and compare."""
    for name, (kept, counted) in counters.differences(db).items():
        findings.report(FindingCode.COUNT_DIFFERS, "counter", key_of(name), expected=counted, found=kept)


def check_blocks(db: Transaction, findings: Findings) -> None:
    """No message was created after the latest time of its block: a search for a time would leave it out."""
    for row in rows_of(db, _MESSAGES):
        if row.created_max is None or row.created_max < row.created_at:
            findings.report(
                FindingCode.INDEX_DIFFERS,
                "message_block",
                key_of(row.id // BLOCK_SIZE),
                expected=f"at least {row.created_at}",
                found=row.created_max,
            )
