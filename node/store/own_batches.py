"""The batches that this node sealed, each with the recipients whose receipts about it count."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, bindparam, insert, select

from node.database.engine import Transaction
from node.database.receipt_tables import own_batch
from node.database.statements import change, rows_for
from node.database.stream_tables import link
from node.stages import StreamId


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBatch:
    """A batch that this node sealed."""

    hash: bytes
    stream: str
    first: int
    size: int
    sealed_at: int
    recipients: frozenset[str] | None
    """The nodes whose receipts about it count. None if revision 0001 of the store sealed it: then all count."""


_NEW: Final = insert(own_batch)


def put(db: Transaction, batches: Iterable[OwnBatch]) -> None:
    """Keep batches that were sealed."""
    rows = [
        {
            "hash": batch.hash,
            "stream": batch.stream,
            "first": batch.first,
            "size": batch.size,
            "sealed_at": batch.sealed_at,
            "recipients": " ".join(sorted(batch.recipients or ())),
        }
        for batch in batches
    ]
    change(db, _NEW, rows)


def by_hash(db: Transaction, own: StreamId, hashes: Collection[bytes]) -> dict[bytes, OwnBatch]:
    """Those of `hashes` that are batches of the own stream; before revision 0002 only `link` has them."""
    found = {}
    for row in db.execute(
        select(link).where(link.c.originator == own.originator, link.c.stream == own.stream, link.c.hash.in_(hashes))
    ):
        found[row.hash] = _own(row, None)
    for row in db.execute(select(own_batch).where(own_batch.c.hash.in_(hashes), own_batch.c.stream == own.stream)):
        found[row.hash] = _own(row, frozenset(row.recipients.split()))
    return found


def at(db: Transaction, own: StreamId, sequence: int) -> OwnBatch | None:
    """The batch of the own stream that has a sequence; its recipients are not looked up."""
    here = {"originator": own.originator, "stream": own.stream, "sequence": sequence}
    for statement, names in ((_OWN_AT, ("stream", "sequence")), (_LINK_AT, tuple(here))):
        for row in rows_for(db, statement, {name: here[name] for name in names}):
            if row.first + row.size > sequence:
                return _own(row, None)
    return None


def _last_at(table: Table, *here: ColumnElement[bool]) -> Select[Any]:
    """The last batch that begins at a sequence or before. No batch overlaps another, so no other can have it."""
    begins = table.c.first <= bindparam("sequence")
    return select(table).where(*here, begins).order_by(table.c.first.desc()).limit(1)


_OWN_AT: Final = _last_at(own_batch, own_batch.c.stream == bindparam("stream"))
_LINK_AT: Final = _last_at(link, link.c.originator == bindparam("originator"), link.c.stream == bindparam("stream"))


def _own(row: object, recipients: frozenset[str] | None) -> OwnBatch:
    names = ("hash", "stream", "first", "size", "sealed_at")
    return OwnBatch(recipients=recipients, **{name: getattr(row, name) for name in names})
