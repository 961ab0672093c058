"""Findings about the streams that are read: gaps, records out of order, faults of the log."""

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from node.database.engine import Transaction
from node.database.stream_tables import finding
from node.stages import StreamId
from node.store import chains
from node.verification.gaps import Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFinding:
    """A finding about a stream that is not closed."""

    code: str
    originator: str
    stream: str
    sequence: int | None
    position: int | None


def settle_gaps(db: Transaction, place: StreamId, highest: int, position: int, now: int) -> list[Gap]:
    """Bring the stream's gap findings up to date with its chain; returns the new gaps.

    If a late record closed a gap, its row keeps the time. If it split a gap, both parts keep the gap's position.
    """
    known = db.execute(
        select(finding).where(
            finding.c.originator == place.originator,
            finding.c.stream == place.stream,
            finding.c.last_sequence.is_not(None),
            finding.c.closed_at.is_(None),
        )
    ).all()
    open_now = chains.gaps(db, place, highest)
    wanted = {(gap.first, gap.last) for gap in open_now}
    here = {(row.sequence, row.last_sequence): row for row in known}
    if gone := [row.id for key, row in here.items() if key not in wanted]:
        db.execute(update(finding).where(finding.c.id.in_(gone)).values(closed_at=now))
    new = [gap for gap in open_now if (gap.first, gap.last) not in here]
    for gap in new:
        inside = [row.position for row in known if row.sequence <= gap.first and gap.last <= row.last_sequence]
        add(
            db,
            gap.code,
            place,
            sequence=gap.first,
            last_sequence=gap.last,
            position=inside[0] if inside else position,
            now=now,
        )
    return new


def add(
    db: Transaction,
    code: str,
    place: StreamId,
    *,
    sequence: int | None,
    position: int | None,
    now: int,
    last_sequence: int | None = None,
) -> None:
    """Add a finding about a stream; `last_sequence` is that of a gap."""
    db.execute(
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


def stands(db: Transaction, code: str, place: StreamId) -> bool:
    """Whether the stream has a finding of this code that is not closed."""
    here = finding.c.code == code, finding.c.originator == place.originator, finding.c.stream == place.stream
    return db.scalar(select(finding.c.id).where(*here, finding.c.closed_at.is_(None)).limit(1)) is not None


def standing(db: Transaction) -> list[StreamFinding]:
    """Every finding that is not closed, the oldest first."""
    columns = (finding.c.code, finding.c.originator, finding.c.stream, finding.c.sequence, finding.c.position)
    rows = db.execute(select(*columns).where(finding.c.closed_at.is_(None)).order_by(finding.c.id))
    return [
        StreamFinding(
            code=row.code,
            originator=row.originator,
            stream=row.stream,
            sequence=row.sequence,
            position=row.position,
        )
        for row in rows
    ]
