"""What a retry needs of the quarantine: the order of the records, and which rows stay."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update

from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.record_tables import quarantine
from node.database.statements import rows_for
from node.undecided import usage
from node.undecided.quarantine import RETRY_ORDER, RejectedRecord
from node.undecided.usage import Budget, Usage

_WITH_BYTES: Final = (quarantine.c.budget != Budget.PURGED.value, quarantine.c.erased_at.is_(None))
_SIZES: Final = select(
    quarantine.c.originator, quarantine.c.budget, func.length(quarantine.c.value).label("size")
).where(quarantine.c.id.in_(bindparam("ids", expanding=True)))


def ids(db: Transaction, codes: Collection[str] | None = None) -> list[str]:
    """The ids of all records in quarantine, or of those with one of `codes`, in the order to look at them again.

    Records whose bytes or content were deleted are not among them.
    """
    wanted = select(quarantine.c.id).where(*_WITH_BYTES).order_by(*RETRY_ORDER)
    if codes is not None:
        wanted = wanted.where(quarantine.c.code.in_(codes))
    return list(db.execute(wanted).scalars())


def of_codes(db: Transaction, codes: Collection[str]) -> list[tuple[str, str]]:
    """Id and originator of the records with one of `codes` whose bytes are here, in the order to look at them again."""
    rows = db.execute(
        select(quarantine.c.id, quarantine.c.originator)
        .where(quarantine.c.code.in_(codes), *_WITH_BYTES)
        .order_by(*RETRY_ORDER)
    )
    return [(id_, originator) for id_, originator in rows]


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
        hold(db, Lock.QUARANTINE, shared=True)
        sizes = rows_for(db, _SIZES, {"ids": sorted(wanted)})
        usage.add(db, [(row.originator, row.budget, -Usage(1, row.size)) for row in sizes])
        db.execute(delete(quarantine).where(quarantine.c.id.in_(wanted)))
