"""What others told of this node's batches: which batches it sealed for whom, and the receipts about them.

Receipts are all kept; of a recipient's the one with the highest sequence counts.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from node.stages import StreamId
from node.store.tables import link, own_batch, receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnBatch:
    """A batch of this node."""

    hash: bytes
    stream: str
    first: int
    size: int
    sealed_at: int
    recipients: frozenset[str] | None
    """None of a batch that an earlier version sealed: everybody may tell of it."""


async def put_own_batches(db: AsyncConnection, batches: Iterable[OwnBatch]) -> None:
    """Remember batches that were sealed, for the receipts about them."""
    rows = [
        {
            "hash": one.hash,
            "stream": one.stream,
            "first": one.first,
            "size": one.size,
            "sealed_at": one.sealed_at,
            "recipients": " ".join(sorted(one.recipients or ())),
        }
        for one in batches
    ]
    if rows:
        await db.execute(insert(own_batch), rows)


async def own_batches(db: AsyncConnection, own: StreamId, hashes: Collection[bytes]) -> dict[bytes, OwnBatch]:
    """Those of `hashes` that are batches of an own stream; before revision 0002 only `link` knew them."""
    found = {}
    for row in await db.execute(
        select(link).where(link.c.originator == own.originator, link.c.stream == own.stream, link.c.hash.in_(hashes))
    ):
        found[row.hash] = _own(row, None)
    for row in await db.execute(
        select(own_batch).where(own_batch.c.hash.in_(hashes), own_batch.c.stream == own.stream)
    ):
        found[row.hash] = _own(row, frozenset(row.recipients.split()))
    return found


async def own_batch_at(db: AsyncConnection, own: StreamId, sequence: int) -> OwnBatch | None:
    """The batch of an own stream that holds a sequence."""
    for table in (own_batch, link):
        condition = table.c.stream == own.stream
        if table is link:
            condition &= link.c.originator == own.originator
        row = (
            await db.execute(
                select(table)
                .where(condition, table.c.first <= sequence, table.c.first + table.c.size > sequence)
                .order_by(table.c.first.desc())
                .limit(1)
            )
        ).first()
        if row is not None:
            return _own(row, None)
    return None


def _own(row: object, recipients: frozenset[str] | None) -> OwnBatch:
    names = ("hash", "stream", "first", "size", "sealed_at")
    return OwnBatch(recipients=recipients, **{name: getattr(row, name) for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a recipient told of one own batch, and when."""

    batch: bytes
    recipient: str
    sequence: int
    outcomes: bytes
    sealed_at: int


async def add_received(db: AsyncConnection, rows: Iterable[Received], now: int) -> None:
    """Keep what was told; nothing is replaced."""
    values = [
        {
            "batch": row.batch,
            "recipient": row.recipient,
            "sequence": row.sequence,
            "outcomes": row.outcomes,
            "sealed_at": row.sealed_at,
            "received_at": now,
        }
        for row in rows
    ]
    if values:
        await db.execute(upsert(receipt).on_conflict_do_nothing(), values)


async def received(db: AsyncConnection, batch: bytes) -> list[Received]:
    """Everything that was told of a batch, by recipient, the latest last."""
    rows = await db.execute(
        select(receipt).where(receipt.c.batch == batch).order_by(receipt.c.recipient, receipt.c.sequence)
    )
    return [
        Received(
            batch=row.batch,
            recipient=row.recipient,
            sequence=row.sequence,
            outcomes=row.outcomes,
            sealed_at=row.sealed_at,
        )
        for row in rows
    ]
