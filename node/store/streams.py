"""What is known of the streams that are read: positions, batches and their links, used ids, grants, findings.

Loads the part of a stream that the records at hand touch (`view`), and writes what placing them changed.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, tuple_, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from node.stages import Grant, StreamId
from node.store.chains import link_of
from node.store.tables import finding, granted, link, reading, used_id
from node.verification.gaps import Gap, open_gaps
from schemas.avro import codec
from schemas.types import KeyGrant


async def positions(db: AsyncConnection) -> dict[str, int]:
    """The position to go on from, by topic, of each topic that was read."""
    rows = await db.execute(select(reading.c.topic, reading.c.position))
    return {topic: position for topic, position in rows}


async def put_positions(db: AsyncConnection, rows: Iterable[tuple[str, StreamId, int, int]]) -> None:
    """Store (topic, place, position, highest sequence) for each topic."""
    values = [
        {
            "topic": topic,
            "stream": place.stream,
            "originator": place.originator,
            "position": position,
            "highest": highest,
        }
        for topic, place, position, highest in rows
    ]
    if values:
        statement = upsert(reading)
        changed = {"position": statement.excluded.position, "highest": statement.excluded.highest}
        await db.execute(statement.on_conflict_do_update(index_elements=["topic"], set_=changed), values)


async def raise_highest(db: AsyncConnection, place: StreamId, value: int) -> None:
    """Note the highest sequence of a stream in which a record took its place without being read from the log now."""
    await db.execute(
        update(reading)
        .where(reading.c.originator == place.originator, reading.c.stream == place.stream, reading.c.highest < value)
        .values(highest=value)
    )


async def id_used_at(db: AsyncConnection, place: StreamId, message_id: bytes) -> int | None:
    """The sequence of the message that has this id in the stream; None if none has."""
    sequence: int | None = await db.scalar(
        select(used_id.c.sequence).where(
            used_id.c.originator == place.originator,
            used_id.c.stream == place.stream,
            used_id.c.message_id == message_id,
        )
    )
    return sequence


async def gaps(db: AsyncConnection, place: StreamId, highest: int) -> list[Gap]:
    """The open gaps of a stream, worked out from its links."""
    here = (link.c.originator == place.originator, link.c.stream == place.stream)
    rows = (await db.execute(select(link).where(*here, link.c.whole.is_(False)))).all()
    pairs = []
    for row in rows:
        before = await db.scalar(
            select(link.c.first + link.c.size).where(*here, link.c.first < row.first).order_by(link.c.first.desc())
        )
        pairs.append((link_of(row), before or 1))
    return open_gaps(pairs, highest)


async def settle_gaps(db: AsyncConnection, place: StreamId, highest: int, position: int, now: int) -> list[Gap]:
    """Make the stream's gap findings those that are open now; returns the gaps that are new.

    A gap that a late record closed keeps its row with the time; one that it split keeps its position.
    """
    known = (
        await db.execute(
            select(finding).where(
                finding.c.originator == place.originator,
                finding.c.stream == place.stream,
                finding.c.last_sequence.is_not(None),
                finding.c.closed_at.is_(None),
            )
        )
    ).all()
    now_open = await gaps(db, place, highest)
    wanted = {(gap.first, gap.last) for gap in now_open}
    here = {(row.sequence, row.last_sequence): row for row in known}
    if gone := [row.id for key, row in here.items() if key not in wanted]:
        await db.execute(update(finding).where(finding.c.id.in_(gone)).values(closed_at=now))
    new = [gap for gap in now_open if (gap.first, gap.last) not in here]
    for gap in new:
        inside = [row.position for row in known if row.sequence <= gap.first and gap.last <= row.last_sequence]
        await add_finding(
            db,
            gap.code,
            place,
            sequence=gap.first,
            last_sequence=gap.last,
            position=inside[0] if inside else position,
            now=now,
        )
    return new


async def add_finding(
    db: AsyncConnection,
    code: str,
    place: StreamId,
    *,
    sequence: int | None,
    position: int | None,
    now: int,
    last_sequence: int | None = None,
) -> None:
    """Record a finding about a stream."""
    await db.execute(
        insert(finding).values(
            code=code,
            sequence=sequence,
            last_sequence=last_sequence,
            position=position,
            found_at=now,
            originator=place.originator,
            stream=place.stream,
        )
    )


async def findings(db: AsyncConnection) -> list[dict[str, Any]]:
    """Every finding that still stands, as `status` shows it."""
    columns = (finding.c.code, finding.c.originator, finding.c.stream, finding.c.sequence, finding.c.position)
    rows = await db.execute(select(*columns).where(finding.c.closed_at.is_(None)).order_by(finding.c.id))
    return [dict(row) for row in rows.mappings()]


async def grants(
    db: AsyncConnection, wanted: Collection[tuple[str, bytes, int]]
) -> dict[tuple[str, bytes, int], Grant]:
    """For each (originator, audience key id, sequence) the grant that decides about it, where one is here.

    That is the first grant of this key; where the key has none, the grant at that place.
    """
    found: dict[tuple[str, bytes, int], Grant] = {}
    by_id: dict[tuple[str, bytes], Grant] = {}
    by_place: dict[tuple[str, int], Grant] = {}
    pairs = {(originator, key_id) for originator, key_id, _ in wanted}
    places = {(originator, sequence) for originator, _, sequence in wanted}
    rows = await db.execute(
        select(granted).where(
            or_(
                tuple_(granted.c.originator, granted.c.audience_key_id).in_(pairs),
                tuple_(granted.c.originator, granted.c.sequence).in_(places),
            )
        )
    )
    for row in rows:
        grant = Grant(
            originator=row.originator,
            sequence=row.sequence,
            sealed_at=row.sealed_at,
            body=codec.decode(KeyGrant, row.body),
        )
        by_id[row.originator, row.audience_key_id] = by_place[row.originator, row.sequence] = grant
    for originator, key_id, sequence in wanted:
        one = by_id.get((originator, key_id)) or by_place.get((originator, sequence))
        if one is not None:
            found[originator, key_id, sequence] = one
    return found


async def put_grants(db: AsyncConnection, new: Mapping[tuple[str, bytes], Grant]) -> None:
    """Keep grants by (originator, audience key id); the first grant of a key stays."""
    if new:
        await db.execute(
            upsert(granted).on_conflict_do_nothing(),
            [
                {
                    "originator": originator,
                    "audience_key_id": key_id,
                    "sequence": grant.sequence,
                    "sealed_at": grant.sealed_at,
                    "body": codec.encode(grant.body),
                }
                for (originator, key_id), grant in new.items()
            ],
        )


async def grant_count(db: AsyncConnection, originator: str) -> int:
    """How many grants of `originator` are here, for its quota."""
    count = await db.scalar(select(func.count()).select_from(granted).where(granted.c.originator == originator))
    return count or 0


async def forget_grants(db: AsyncConnection, used_before: int) -> None:
    """Grants sealed before `used_before` (ms) have served their time."""
    await db.execute(delete(granted).where(granted.c.sealed_at < used_before))


async def highest(db: AsyncConnection, topic: str) -> int:
    """The highest sequence that has a place in the stream of `topic`; 0 if none has."""
    return (await db.scalar(select(reading.c.highest).where(reading.c.topic == topic))) or 0


async def readings(db: AsyncConnection) -> list[dict[str, Any]]:
    """Topic, position and highest sequence of every stream that was read."""
    rows = await db.execute(select(reading.c.topic, reading.c.position, reading.c.highest))
    return [dict(row) for row in rows.mappings()]
