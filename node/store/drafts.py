"""Own reports by their ids, for who handed them in and asks what became of them."""

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from broker.streams import intel_stream
from node.store.tables import draft, message, outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A report that was handed in here."""

    message_id: bytes
    region: str
    created_at: int
    payload: bytes | None
    """Until it is sealed."""

    sequence: int | None
    """Once it is sealed."""

    audience: str | None
    """Codes of the recipients, once it is sealed; None if revision 0001 of the store did that."""


async def by_id(db: AsyncConnection, *, report_id: str, message_id: bytes) -> list[Given]:
    """The reports with this report id or this message id, one for each region."""
    rows = await db.execute(
        select(draft).where(or_(draft.c.report_id == report_id, draft.c.message_id == message_id)).order_by(draft.c.id)
    )
    return [
        Given(
            message_id=row.message_id,
            region=row.region,
            created_at=row.created_at,
            payload=row.payload,
            sequence=row.sequence,
            audience=row.audience,
        )
        for row in rows
    ]


async def sealed_value(db: AsyncConnection, node: str, given: Given) -> bytes | None:
    """The sealed bytes of an own report, from the store or the outbox; None if neither has them."""
    stream = intel_stream(given.region)
    value: bytes | None = await db.scalar(
        select(message.c.record).where(
            message.c.originator == node, message.c.stream == stream, message.c.sequence == given.sequence
        )
    )
    return value or await db.scalar(
        select(outgoing.c.value).where(outgoing.c.stream == stream, outgoing.c.sequence == given.sequence)
    )
