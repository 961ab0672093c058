"""What a retry needs of the quarantine: the order of the records, and which rows stay."""

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, delete, select, update

from node.database.engine import Transaction
from node.database.record_tables import quarantine
from node.store.quarantine import RETRY_ORDER, RejectedRecord


def ids(db: Transaction, codes: Collection[str] | None = None) -> list[str]:
    """The ids of all records in quarantine, or of those with one of `codes`, in the order to look at them again."""
    wanted = select(quarantine.c.id).order_by(*RETRY_ORDER)
    if codes is not None:
        wanted = wanted.where(quarantine.c.code.in_(codes))
    return list(db.execute(wanted).scalars())


def keep(db: Transaction, records: Sequence[RejectedRecord]) -> None:
    """Keep the rows of records that were rejected again. A row changes only if the code is a different one now."""
    if records:
        db.execute(
            update(quarantine)
            .where(quarantine.c.id == bindparam("row_id"), quarantine.c.code != bindparam("new_code"))
            .values(
                code=bindparam("new_code"),
                step=bindparam("at_step"),
                detail=bindparam("new_detail"),
                sequence=bindparam("new_sequence"),
                placed=bindparam("is_placed"),
            ),
            [
                {
                    "row_id": record.id,
                    "new_code": record.code,
                    "at_step": record.step,
                    "new_detail": record.detail,
                    "new_sequence": record.sequence,
                    "is_placed": record.placed,
                }
                for record in records
            ],
        )


def drop(db: Transaction, wanted: Collection[str]) -> None:
    """Delete the rows of records that are not rejected any more."""
    if wanted:
        db.execute(delete(quarantine).where(quarantine.c.id.in_(wanted)))
