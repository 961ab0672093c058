"""What this node has to tell of the batches that it read: one byte for each leaf.

An outcome is written in the transaction of its decision and stays due until a receipt with these very bytes is sealed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from broker.streams import KEYS, RECEIPTS
from node.stages import StreamId
from node.store.tables import batch_outcome, link, outgoing
from node.verification.receipt_bytes import (
    NOT_ADDRESSED,
    NOT_ARRIVED,
    STORED,
    WAITING,
)

TOLD: Final = 0
DUE: Final = 1
PARKED: Final = 2  # the NODE document does not let this node write `receipts`
_NOTHING: Final[ColumnElement[int]] = literal_column("0")  # not bound, so that the index of what is due serves


@dataclass(slots=True, kw_only=True)
class Noted:
    """What one transaction found out about the leaves of a batch."""

    place: StreamId
    hash: bytes
    size: int
    outcomes: dict[int, int] = field(default_factory=dict)
    """Leaf to byte."""

    @property
    def key(self) -> tuple[str, str, bytes]:
        """As the table has it."""
        return self.place.originator, self.place.stream, self.hash


async def note_outcomes(db: AsyncConnection, noted: Collection[Noted], now: int) -> None:
    """Write outcomes; a batch that changed is due. Of a batch that holds nothing for this node nothing is kept."""
    if not noted:
        return
    keys = [one.key for one in noted]
    name = tuple_(batch_outcome.c.originator, batch_outcome.c.stream, batch_outcome.c.hash)
    known = {
        (row.originator, row.stream, row.hash): row
        for row in await db.execute(select(batch_outcome).where(name.in_(keys)))
    }
    new = [one for one in noted if one.key not in known and any(one.outcomes.values())]
    arrived = await _arrived(db, {one.key: one.size for one in new})
    changed = []
    for one in noted:
        row = known.get(one.key)
        if row is not None:
            before = row.outcomes
        elif one.key in arrived:
            before = arrived[one.key]
        else:
            continue
        after = bytearray(before)
        for leaf, byte in one.outcomes.items():
            after[leaf] = byte
        if row is None or bytes(after) != before:
            originator, stream, batch = one.key
            changed.append(
                {
                    "originator": originator,
                    "stream": stream,
                    "hash": batch,
                    "outcomes": bytes(after),
                    "due": DUE,
                    "due_since": row.due_since if row is not None and row.due == DUE else now,
                    "changed_at": now,
                }
            )
    if changed:
        statement = upsert(batch_outcome)
        values = {column: statement.excluded[column] for column in ("outcomes", "due", "due_since", "changed_at")}
        await db.execute(
            statement.on_conflict_do_update(index_elements=["originator", "stream", "hash"], set_=values), changed
        )


async def _arrived(
    db: AsyncConnection, new: Mapping[tuple[str, str, bytes], int]
) -> dict[tuple[str, str, bytes], bytes]:
    """The outcomes of batches that are told of for the first time: leaves that came before were for others."""
    found = {key: bytes([NOT_ARRIVED]) * size for key, size in new.items()}
    if new:
        name = tuple_(link.c.originator, link.c.stream, link.c.hash)
        for row in await db.execute(select(link).where(name.in_(list(new)))):
            bits = int.from_bytes(row.arrived, "little")
            found[row.originator, row.stream, row.hash] = bytes(
                NOT_ADDRESSED if bits >> leaf & 1 else NOT_ARRIVED for leaf in range(row.size)
            )
    return found


async def waiting_grant(db: AsyncConnection, originator: str, sequence: int) -> Noted | None:
    """The leaf of a grant that waited for its private key, as unwrapped now; None if it waits no longer."""
    here = (link.c.originator == originator, link.c.stream == KEYS)
    row = (
        await db.execute(
            select(link.c.hash, link.c.first, link.c.size, batch_outcome.c.outcomes)
            .join(
                batch_outcome,
                (batch_outcome.c.originator == link.c.originator)
                & (batch_outcome.c.stream == link.c.stream)
                & (batch_outcome.c.hash == link.c.hash),
            )
            .where(*here, link.c.first <= sequence, link.c.first + link.c.size > sequence)
        )
    ).first()
    if row is None or row.outcomes[sequence - row.first] != WAITING:
        return None
    place = StreamId(stream=KEYS, originator=originator)
    return Noted(place=place, hash=row.hash, size=row.size, outcomes={sequence - row.first: STORED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The outcomes of a batch that are to be told."""

    originator: str
    stream: str
    hash: bytes
    outcomes: bytes


async def pressing(db: AsyncConnection, *, parked: bool) -> tuple[int, int] | None:
    """Since when the first batch is due, and when the last one changed, in ms; None if nothing is due."""
    states = (DUE, PARKED) if parked else (DUE,)
    row = (
        await db.execute(
            select(func.min(batch_outcome.c.due_since), func.max(batch_outcome.c.changed_at)).where(
                batch_outcome.c.due > _NOTHING, batch_outcome.c.due.in_(states)
            )
        )
    ).one()
    return None if row[0] is None else (row[0], row[1])


async def due(db: AsyncConnection, limit: int) -> list[Due]:
    """The batches that have waited longest to be told of."""
    rows = await db.execute(
        select(batch_outcome).where(batch_outcome.c.due > _NOTHING).order_by(batch_outcome.c.due_since).limit(limit)
    )
    return [Due(originator=row.originator, stream=row.stream, hash=row.hash, outcomes=row.outcomes) for row in rows]


async def told(db: AsyncConnection, rows: Sequence[Due]) -> None:
    """These bytes are sealed; a batch that changed meanwhile stays due."""
    await db.execute(
        update(batch_outcome)
        .where(
            batch_outcome.c.originator == bindparam("of"),
            batch_outcome.c.stream == bindparam("in_stream"),
            batch_outcome.c.hash == bindparam("batch"),
            batch_outcome.c.outcomes == bindparam("said"),
        )
        .values(due=TOLD),
        [{"of": row.originator, "in_stream": row.stream, "batch": row.hash, "said": row.outcomes} for row in rows],
    )


async def park(db: AsyncConnection) -> int:
    """What is due may not be told now; returns how many batches."""
    done = await db.execute(update(batch_outcome).where(batch_outcome.c.due == DUE).values(due=PARKED))
    return done.rowcount


async def count_due(db: AsyncConnection) -> int:
    """How many batches are to be told of."""
    statement = select(func.count()).select_from(batch_outcome).where(batch_outcome.c.due > _NOTHING)
    return (await db.scalar(statement.where(batch_outcome.c.due == DUE))) or 0


async def on_their_way(db: AsyncConnection) -> int:
    """How many own receipts are sealed and not read back."""
    statement = select(func.count()).select_from(outgoing).where(outgoing.c.stream == RECEIPTS)
    return (await db.scalar(statement)) or 0
