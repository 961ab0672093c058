"""Deletes the content of records in quarantine and keeps everything else of them."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, update

from node.database.engine import Transaction
from node.database.record_tables import quarantine
from node.database.statements import Found, change
from node.undecided import usage
from node.undecided.usage import Usage
from node.verification.erased_records import without_content

_ERASE: Final = (
    update(quarantine)
    .where(quarantine.c.id == bindparam("row_id"))
    .values(value=bindparam("left"), erased_at=bindparam("at"))
)


def erase(db: Transaction, rows: Sequence[Found], now: int) -> None:
    """Delete the content of these rows. They stay in their budget, so that erasing makes no room for others."""
    left = {row.id: without_content(row.value) for row in rows}
    change(db, _ERASE, [{"row_id": row.id, "left": left[row.id], "at": now} for row in rows])
    usage.add(db, [(row.originator, row.budget, Usage(0, len(left[row.id]) - len(row.value))) for row in rows])
