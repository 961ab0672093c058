"""The signed heads in the store, and the end of the log that the next one states."""

from typing import Final

from sqlalchemy import bindparam, func, select

from node.access_chain.append import END_ID
from node.access_chain.signed_head import LogPoint, SignedHead
from node.database.access_tables import access_end, access_head, access_log
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.statements import Found, insert_rows, rows_for
from node.primitives import ZERO_HASH

HEADS_TOGETHER_MAX: Final = 200  # of 4 KiB
_NAMES: Final = ("entry", "hash", "at", "erased_entry", "erased_hash", "key_id", "signature")
_END: Final = select(access_end).where(access_end.c.id == END_ID)
_NEWEST: Final = select(access_head).where(access_head.c.id == select(func.max(access_head.c.id)).scalar_subquery())
_AFTER: Final = (
    select(access_head)
    .where(access_head.c.id > bindparam("after"), access_head.c.id <= bindparam("last"))
    .order_by(access_head.c.id)
    .limit(HEADS_TOGETHER_MAX)
)
_HASHES: Final = select(access_log.c.id, access_log.c.hash).where(access_log.c.id.in_(bindparam("ids", expanding=True)))


def end(db: Transaction) -> LogPoint | None:
    """The last entry, as the store notes it; None before the first one."""
    for row in rows_for(db, _END, {}):
        return LogPoint(entry=row.entry, hash=row.hash)
    return None


def newest(db: Transaction, node: str) -> tuple[int, SignedHead] | None:
    """The id of the newest row, and its head."""
    for row in rows_for(db, _NEWEST, {}):
        return row.id, _head(row, node)
    return None


def page(db: Transaction, node: str, *, after: int, last: int) -> list[tuple[int, SignedHead]]:
    """The next HEADS_TOGETHER_MAX heads with their ids, which are above `after` and at most `last`."""
    return [(row.id, _head(row, node)) for row in rows_for(db, _AFTER, {"after": after, "last": last})]


def put(db: Transaction, head: SignedHead) -> None:
    """Add a head."""
    hold(db, Lock.ACCESS)
    values = (head.entry, head.hash, head.at, head.erased_entry, head.erased_hash, head.key_id, head.signature)
    insert_rows(db, access_head, _NAMES, [values])


def hashes(db: Transaction, ids: list[int]) -> dict[int, bytes | None]:
    """The hash of each of these entries that is there."""
    return {row.id: row.hash for row in rows_for(db, _HASHES, {"ids": ids})}


def erased(head: SignedHead | None) -> LogPoint:
    """Up to where entries were erased, as a head states it."""
    if head is None:
        return LogPoint(entry=0, hash=ZERO_HASH)
    return LogPoint(entry=head.erased_entry, hash=head.erased_hash)


def _head(row: Found, node: str) -> SignedHead:
    return SignedHead(
        node=node,
        entry=row.entry,
        hash=row.hash,
        at=row.at,
        erased_entry=row.erased_entry,
        erased_hash=row.erased_hash,
        key_id=row.key_id,
        signature=row.signature,
    )
