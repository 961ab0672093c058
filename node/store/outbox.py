"""What goes out: drafts that were accepted, sealed bytes on their way, and the head of each own stream.

accepted = a draft without a sequence; sealed = outgoing bytes that the log has not acknowledged; sent = acknowledged
and not yet read back. A message that was read back is witnessed and leaves no row but its draft's identity.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from broker.streams import KEYS
from node.stages import SealedBatch, StreamHead
from node.store.statements import insert_rows, set_rows
from node.store.tables import draft, head, outgoing, own_grant

OUTGOING_BYTES_MAX = 4 * 1024 * 1024  # in one append


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDraft:
    """One report to accept."""

    report_id: str
    region: str
    message_id: bytes
    content_hash: bytes
    payload: bytes
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A draft that is here already under the same report id and region."""

    message_id: bytes
    content_hash: bytes


async def known_drafts(db: AsyncConnection, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], Known]:
    """Those of the (report id, region) that are here."""
    rows = await db.execute(
        select(draft.c.report_id, draft.c.region, draft.c.message_id, draft.c.content_hash).where(
            tuple_(draft.c.report_id, draft.c.region).in_(list(names))
        )
    )
    return {(row[0], row[1]): Known(message_id=row[2], content_hash=row[3]) for row in rows}


async def add_drafts(db: AsyncConnection, drafts: Sequence[NewDraft]) -> None:
    """Write accepted drafts; the caller has looked up that none is known."""
    names = ("report_id", "region", "message_id", "content_hash", "payload", "created_at")
    await insert_rows(db, draft, names, [tuple(getattr(one, name) for name in names) for one in drafts])


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """A draft that waits to be sealed."""

    id: int
    region: str
    message_id: bytes
    payload: bytes


async def unsealed(db: AsyncConnection, limit: int) -> list[Unsealed]:
    """The oldest drafts that wait to be sealed."""
    rows = await db.execute(
        select(draft.c.id, draft.c.region, draft.c.message_id, draft.c.payload)
        .where(draft.c.sequence.is_(None))
        .order_by(draft.c.id)
        .limit(limit)
    )
    return [Unsealed(id=row.id, region=row.region, message_id=row.message_id, payload=row.payload) for row in rows]


async def heads(db: AsyncConnection) -> dict[str, StreamHead]:
    """The head of each own stream that has one."""
    rows = await db.execute(select(head))
    return {
        row.stream: StreamHead(next_sequence=row.next_sequence, batch_hash=row.batch_hash, sealed_at=row.sealed_at)
        for row in rows
    }


class HeadMoved(Exception):
    """Another process sealed in between; what was computed is thrown away and done again."""


async def store_batches(db: AsyncConnection, before: Mapping[str, StreamHead], batches: Sequence[SealedBatch]) -> None:
    """Store sealed bytes and new heads if the old heads are still those in `before`; raises HeadMoved."""
    now_here = await heads(db)
    for batch in batches:
        if now_here.get(batch.stream, StreamHead()) != before.get(batch.stream, StreamHead()):
            raise HeadMoved
        if batch.stream not in now_here:
            await db.execute(insert(head).values(stream=batch.stream, **_head_columns(batch.head)))
        else:
            await db.execute(update(head).where(head.c.stream == batch.stream).values(**_head_columns(batch.head)))
        await put_outgoing(db, batch.stream, batch.first_sequence, batch.values)


async def put_outgoing(db: AsyncConnection, stream: str, first: int, values: Sequence[bytes]) -> None:
    """Keep sealed bytes, from sequence `first` on, until they were sent and read back."""
    rows = [(stream, sequence, value, False) for sequence, value in enumerate(values, first)]
    await insert_rows(db, outgoing, ("stream", "sequence", "value", "acknowledged"), rows)


def _head_columns(value: StreamHead) -> dict[str, object]:
    return {"next_sequence": value.next_sequence, "batch_hash": value.batch_hash, "sealed_at": value.sealed_at}


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedDraft:
    """Where a draft stands in its stream, and for whom it was sealed."""

    sequence: int
    audience: Sequence[str]


async def mark_sealed(db: AsyncConnection, sealed: Mapping[int, SealedDraft]) -> None:
    """Note what each draft became, by draft id; its payload lives on in the sealed bytes only."""
    await set_rows(
        db,
        draft,
        ("payload", "sequence", "audience"),
        [(None, one.sequence, " ".join(sorted(one.audience)), id_) for id_, one in sealed.items()],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnGrant:
    """The newest grant of one audience."""

    sequence: int
    sealed_at: int
    body: bytes


async def own_grants(db: AsyncConnection, audiences: Collection[bytes]) -> dict[bytes, OwnGrant]:
    """The newest grant of each audience, by the audience's hash."""
    rows = await db.execute(select(own_grant).where(own_grant.c.audience.in_(list(audiences))))
    return {row.audience: OwnGrant(sequence=row.sequence, sealed_at=row.sealed_at, body=row.body) for row in rows}


async def put_own_grants(db: AsyncConnection, grants: Mapping[bytes, OwnGrant]) -> None:
    """Replace the newest grant of each audience."""
    if grants:
        await db.execute(delete(own_grant).where(own_grant.c.audience.in_(list(grants))))
        await db.execute(
            insert(own_grant),
            [
                {"audience": name, "sequence": one.sequence, "sealed_at": one.sealed_at, "body": one.body}
                for name, one in grants.items()
            ],
        )


async def unacknowledged(db: AsyncConnection, stream: str, limit: int) -> list[tuple[int, bytes]]:
    """The oldest sealed bytes of `stream` that the log has not acknowledged, at most OUTGOING_BYTES_MAX of them."""
    last = (
        select(outgoing.c.sequence)
        .where(outgoing.c.stream == stream, outgoing.c.acknowledged.is_(True))
        .order_by(outgoing.c.sequence.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = await db.execute(
        select(outgoing.c.sequence, outgoing.c.value)
        .where(outgoing.c.stream == stream, outgoing.c.sequence > func.coalesce(last, 0))
        .order_by(outgoing.c.sequence)
        .limit(limit)
    )
    chosen: list[tuple[int, bytes]] = []
    size = 0
    for sequence, value in rows:
        size += len(value)
        if chosen and size > OUTGOING_BYTES_MAX:
            break
        chosen.append((sequence, value))
    return chosen


async def streams_to_send(db: AsyncConnection) -> list[str]:
    """Own streams with unacknowledged bytes; `keys` first, so that a grant is in the log before what it opens.

    They are sent in their order, so where any is unacknowledged the newest is: nothing has to be searched for.
    """
    newest = (
        select(outgoing.c.acknowledged)
        .where(outgoing.c.stream == head.c.stream)
        .order_by(outgoing.c.sequence.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = await db.execute(select(head.c.stream).where(newest.is_(False)))
    return sorted(rows.scalars(), key=lambda stream: (stream != KEYS, stream))


async def acknowledge(db: AsyncConnection, stream: str, first: int, last: int) -> None:
    """Note that the log has the sequences `first` to `last`; some may have been witnessed meanwhile."""
    await db.execute(
        update(outgoing)
        .where(outgoing.c.stream == stream, outgoing.c.sequence.between(first, last))
        .values(acknowledged=True)
    )


async def witness(db: AsyncConnection, stream: str, read_back: Sequence[tuple[int, bytes]]) -> None:
    """Forget the (sequence, bytes) that were read back from the log; other bytes at a sequence witness nothing."""
    await db.execute(
        delete(outgoing).where(
            outgoing.c.stream == stream, outgoing.c.sequence == bindparam("seq"), outgoing.c.value == bindparam("seen")
        ),
        [{"seq": sequence, "seen": value} for sequence, value in read_back],
    )


async def counts(db: AsyncConnection) -> dict[str, int]:
    """accepted, sealed, sent: how far what was handed in has come."""
    accepted = await db.scalar(select(func.count()).select_from(draft).where(draft.c.sequence.is_(None)))
    states = await db.execute(select(outgoing.c.acknowledged, func.count()).group_by(outgoing.c.acknowledged))
    by_state = {bool(row[0]): row[1] for row in states}
    return {"accepted": accepted or 0, "sealed": by_state.get(False, 0), "sent": by_state.get(True, 0)}


async def own_message_ids(db: AsyncConnection, wanted: Collection[bytes]) -> list[bytes]:
    """Those of the message ids that this node handed in itself."""
    rows = await db.execute(select(draft.c.message_id).where(draft.c.message_id.in_(list(wanted))))
    return list(rows.scalars())
