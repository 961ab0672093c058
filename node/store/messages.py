"""The reports that this node holds, and the indexes by which they are found.

Exact identifiers, subjects, originator and time by SQL; words through the full-text port (node/store/fulltext.py).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import RowMapping, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from node.stages import Opened
from node.store import fulltext
from node.store.statements import insert_rows, insert_together
from node.store.tables import identifier, message, message_subject, message_text
from schemas.avro import codec
from schemas.types import IntelligenceReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One message to store, and the clause that admits it."""

    opened: Opened
    agreement: str | None
    clause: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for; everything that is set must hold. `since` in ms; `after` is a cursor."""

    text: str | None = None
    identifier: tuple[str, str] | None = None
    """Scheme and normalised value."""

    originator: str | None = None
    subject: str | None = None
    since: int | None = None
    limit: int = 100
    after: int = 0


@dataclass(slots=True, kw_only=True)
class Rows:
    """What messages become in the tables: columns in the order of the names below."""

    messages: list[tuple[Any, ...]] = field(default_factory=list)
    subjects: list[tuple[Any, ...]] = field(default_factory=list)
    identifiers: list[tuple[Any, ...]] = field(default_factory=list)
    texts: list[tuple[Any, ...]] = field(default_factory=list)


_MESSAGE: Final = (
    "id",
    "message_id",
    "originator",
    "stream",
    "sequence",
    "report_id",
    "created_at",
    "received_at",
    "expires_at",
    "agreement",
    "clause",
    "payload",
    "record",
)


async def add(db: AsyncConnection, holdings: Sequence[Holding], received_at: int) -> None:
    """Store messages with their indexes."""
    if not holdings:
        return
    rows = Rows()
    for id_, holding in enumerate(holdings, await next_id(db)):
        record, report = holding.opened.verified, holding.opened.report
        if report is None:
            raise ValueError("only reports are stored")
        rows.messages.append(
            (
                id_,
                record.header.message_id,
                record.batch.originator,
                record.batch.stream,
                record.sequence,
                report.report_id,
                report.created_at,
                received_at,
                record.header.expires_at,
                holding.agreement,
                holding.clause,
                holding.opened.payload,
                record.value,
            )
        )
        rows.subjects += [(subject, id_) for subject in set(report.subjects)]
        found = {(one.scheme, one.value) for entity in report.entities for one in entity.identifiers}
        rows.identifiers += [(scheme, value, id_) for scheme, value in found]
        rows.texts.append((id_, "\n".join(_texts(report))))
    await put(db, rows)


async def next_id(db: AsyncConnection) -> int:
    """The id of the next message; ids follow each other in the order of arrival."""
    return ((await db.scalar(select(func.max(message.c.id)))) or 0) + 1


async def put(db: AsyncConnection, rows: Rows) -> None:
    """Write messages and all that finds them."""
    await insert_rows(db, message, _MESSAGE, rows.messages)
    await insert_rows(db, message_subject, ("subject", "message"), rows.subjects)
    await insert_rows(db, identifier, ("scheme", "value", "message"), rows.identifiers)
    await insert_together(db, message_text, ("message", "text"), rows.texts)


def _texts(report: IntelligenceReport) -> Iterable[str]:
    yield report.narrative.text
    if report.place is not None:
        yield from (text for text in (report.place.text, report.place.area, report.place.locode) if text)
    for entity in report.entities:
        if entity.label:
            yield entity.label
        if entity.person is not None:
            yield from (name for name in (entity.person.given_names, entity.person.family_name) if name)
        if entity.goods is not None:
            yield entity.goods.type


async def search(db: AsyncConnection, query: Query) -> list[dict[str, Any]]:
    """The messages that fit `query`, in the order of their arrival."""
    statement = select(message).where(message.c.id > query.after).order_by(message.c.id).limit(query.limit)
    if query.text is not None:
        statement = statement.where(message.c.id.in_(fulltext.matching(query.text)))
    if query.identifier is not None:
        scheme, value = query.identifier
        statement = statement.where(
            message.c.id.in_(
                select(identifier.c.message).where(identifier.c.scheme == scheme, identifier.c.value == value)
            )
        )
    if query.originator is not None:
        statement = statement.where(message.c.originator == query.originator)
    if query.subject is not None:
        statement = statement.where(
            message.c.id.in_(select(message_subject.c.message).where(message_subject.c.subject == query.subject))
        )
    if query.since is not None:
        statement = statement.where(message.c.created_at >= query.since)
    return [_found(row) for row in (await db.execute(statement)).mappings()]


async def by_id(db: AsyncConnection, *, report_id: str, message_id: bytes) -> list[dict[str, Any]]:
    """The messages with this report id or this message id."""
    rows = await db.execute(
        select(message)
        .where(or_(message.c.report_id == report_id, message.c.message_id == message_id))
        .order_by(message.c.id)
    )
    return [_found(row) | {"agreement": row["agreement"], "clause": row["clause"]} for row in rows.mappings()]


def _found(row: RowMapping) -> dict[str, Any]:
    return {
        "report_id": row["report_id"],
        "message_id": row["message_id"],
        "originator": row["originator"],
        "stream": row["stream"],
        "sequence": row["sequence"],
        "created_at": row["created_at"],
        "received_at": row["received_at"],
        "report": codec.decode(IntelligenceReport, row["payload"]),
        "cursor": str(row["id"]),
    }


async def count(db: AsyncConnection) -> int:
    """How many messages are held."""
    return (await db.scalar(select(func.count()).select_from(message))) or 0


async def originators(db: AsyncConnection, message_ids: Sequence[bytes]) -> dict[bytes, str]:
    """Message id -> originator, of those that are held: what `refers_to` may name."""
    rows = await db.execute(
        select(message.c.message_id, message.c.originator).where(message.c.message_id.in_(message_ids))
    )
    return {message_id: originator for message_id, originator in rows}
