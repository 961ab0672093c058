"""Looking again at the quarantine: in which order, which rows stay, and what the program knew at the last upgrade."""

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from node.store.quarantine import RETRY_ORDER, RejectedRecord
from node.store.tables import knowledge, quarantine


async def ids(db: AsyncConnection, codes: Collection[str] | None = None) -> list[str]:
    """The ids of all records in quarantine, or of those with one of `codes`, in the order to look at them again."""
    wanted = select(quarantine.c.id).order_by(*RETRY_ORDER)
    if codes is not None:
        wanted = wanted.where(quarantine.c.code.in_(codes))
    return list((await db.execute(wanted)).scalars())


async def keep(db: AsyncConnection, records: Sequence[RejectedRecord]) -> None:
    """They were rejected again: each keeps its row, which changes only if the code is another one now."""
    if records:
        await db.execute(
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


async def drop(db: AsyncConnection, wanted: Collection[str]) -> None:
    """Delete the rows of records that are not rejected any more."""
    if wanted:
        await db.execute(delete(quarantine).where(quarantine.c.id.in_(wanted)))


async def known_before(db: AsyncConnection) -> bytes | None:
    """The digest (`schemas.knowledge`) that the last daemon noted; None if the store is new or of an earlier build."""
    found: bytes | None = (await db.execute(select(knowledge.c.digest))).scalar()
    return found


async def note_knowledge(db: AsyncConnection, digest: bytes) -> None:
    """Note what the program can read now, in place of what was noted before."""
    await db.execute(delete(knowledge))
    await db.execute(insert(knowledge).values(digest=digest))
