"""Findings about the streams that are read: gaps, records out of order, faults of the log.

Of most codes a stream has one finding at most. Of NUMEROUS it can have many, as many as others like to cause. So each
originator has room for FINDINGS_OF_ORIGINATOR_MAX of these, open or closed; above it the finding `findings_full` about
all its streams stands, and the chains have the truth. Old findings leave (node/exchange/ageing.py).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import bindparam, insert, select, update

from node.database.engine import Transaction
from node.database.statements import Found, change, rows_for
from node.database.stream_tables import finding
from node.stages import StreamId
from node.undecided import usage
from node.undecided.usage import Budget, Usage
from node.verification.gaps import CODES, Gap, Stretch

FINDINGS_OF_ORIGINATOR_MAX: Final = 10_000
FINDING_SIZE_BYTES: Final = 256  # of a row at most
NUMEROUS: Final = frozenset({*CODES, "out_of_order", "transport_corrupt", "log_replaced"})
FULL: Final = "findings_full"
ALL_STREAMS: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFinding:
    """A finding about a stream that is not closed."""

    code: str
    originator: str
    stream: str
    sequence: int | None
    position: int | None
    found_at: int | None = None
    """In ms."""


_GAPS: Final = select(finding.c.id, finding.c.sequence, finding.c.last_sequence, finding.c.position).where(
    finding.c.originator == bindparam("originator"),
    finding.c.stream == bindparam("stream"),
    finding.c.closed_at.is_(None),
    finding.c.code.in_(bindparam("codes", expanding=True)),
    finding.c.sequence > bindparam("after"),
    finding.c.sequence <= bindparam("before"),
    finding.c.last_sequence < bindparam("before"),
)
_CLOSE: Final = update(finding).where(finding.c.id == bindparam("row_id")).values(closed_at=bindparam("now"))


def settle_gaps(db: Transaction, place: StreamId, stretches: Iterable[Stretch], position: int, now: int) -> list[Gap]:
    """Bring the gap findings in `stretches` of a stream up to date with its chain; returns the new gaps.

    The findings outside are not read. If a late record closed a gap, its row keeps the time. If it split a gap, both
    parts keep the gap's position; a gap that is new otherwise has `position`.
    """
    new: list[Gap] = []
    rows: list[dict[str, object]] = []
    gone: list[dict[str, int]] = []
    for stretch in stretches:
        within = {"codes": list(CODES), "after": stretch.after, "before": stretch.before}
        known = rows_for(db, _GAPS, {"originator": place.originator, "stream": place.stream, **within})
        wanted = {(gap.first, gap.last): gap for gap in stretch.gaps}
        gone += [{"row_id": row.id, "now": now} for row in known if (row.sequence, row.last_sequence) not in wanted]
        there = {(row.sequence, row.last_sequence) for row in known}
        for gap in (gap for key, gap in wanted.items() if key not in there):
            inside = [row.position for row in known if row.sequence <= gap.first and gap.last <= row.last_sequence]
            new.append(gap)
            rows.append(_columns(gap.code, place, gap.first, inside[0] if inside else position, now, gap.last))
    change(db, _CLOSE, gone)
    return new[: _add_numerous(db, place, rows, now)]


_NEW: Final = insert(finding)


def everywhere(originator: str) -> StreamId:
    """The stream of a finding about all streams of an originator."""
    return StreamId(stream=ALL_STREAMS, originator=originator)


def _add_numerous(db: Transaction, place: StreamId, rows: Sequence[dict[str, object]], now: int) -> int:
    """Add findings of codes in NUMEROUS, as many as the originator has room for; returns how many."""
    if not rows:
        return 0
    used = usage.of(db, [place.originator]).get((place.originator, Budget.FINDINGS), Usage())
    added = rows[: max(0, FINDINGS_OF_ORIGINATOR_MAX - used.rows)]
    change(db, _NEW, added)
    usage.add(db, [(place.originator, Budget.FINDINGS, Usage(len(added), len(added) * FINDING_SIZE_BYTES))])
    about = everywhere(place.originator)
    if len(added) < len(rows) and not stands(db, FULL, about):
        change(db, _NEW, [_columns(FULL, about, None, None, now, None)])
    return len(added)


def _columns(
    code: str, place: StreamId, sequence: int | None, position: int | None, now: int, last_sequence: int | None
) -> dict[str, object]:
    return {
        "code": code,
        "originator": place.originator,
        "stream": place.stream,
        "sequence": sequence,
        "last_sequence": last_sequence,
        "position": position,
        "found_at": now,
    }


def add(db: Transaction, code: str, place: StreamId, *, sequence: int | None, position: int | None, now: int) -> None:
    """Add a finding about a stream that is not a gap. The caller adds one at most of a code that is not in NUMEROUS."""
    row = _columns(code, place, sequence, position, now, None)
    if code in NUMEROUS:
        _add_numerous(db, place, [row], now)
    else:
        change(db, _NEW, [row])


def note(
    db: Transaction,
    code: str,
    place: StreamId,
    *,
    sequence: int | None,
    position: int | None,
    now: int,
    each_position: bool = False,
) -> bool:
    """Add a finding about a stream unless one of this code stands; returns whether it is new.

    With `each_position` a finding at another position does not count. The caller holds what keeps other transactions
    from adding the same finding: Lock.FINDINGS, or in an ingest the version of the originator.
    """
    if stands_at(db, code, place, position or 0) if each_position else stands(db, code, place):
        return False
    add(db, code, place, sequence=sequence, position=position, now=now)
    return True


def close(db: Transaction, code: str, place: StreamId, now: int) -> None:
    """Close the findings of this code about a stream."""
    here = finding.c.code == code, finding.c.originator == place.originator, finding.c.stream == place.stream
    db.execute(update(finding).where(*here, finding.c.closed_at.is_(None)).values(closed_at=now))


def stands(db: Transaction, code: str, place: StreamId) -> bool:
    """Whether the stream has a finding of this code that is not closed."""
    here = finding.c.code == code, finding.c.originator == place.originator, finding.c.stream == place.stream
    return db.scalar(select(finding.c.id).where(*here, finding.c.closed_at.is_(None)).limit(1)) is not None


def stands_at(db: Transaction, code: str, place: StreamId, position: int) -> bool:
    """Whether the stream has a finding of this code at this position of its topic that is not closed."""
    here = finding.c.code == code, finding.c.originator == place.originator, finding.c.stream == place.stream
    there = finding.c.position == position, finding.c.closed_at.is_(None)
    return db.scalar(select(finding.c.id).where(*here, *there).limit(1)) is not None


_OF_ORIGINATOR: Final = select(finding).where(  # an order by id would make SQLite read every open finding
    finding.c.originator == bindparam("originator"),
    finding.c.code.in_(bindparam("codes", expanding=True)),
    finding.c.closed_at.is_(None),
)
_OF_STREAM: Final = _OF_ORIGINATOR.where(finding.c.stream == bindparam("stream"))


def first_of(db: Transaction, code: str, place: StreamId) -> StreamFinding | None:
    """The oldest finding of this code about a stream that is not closed."""
    here = {"originator": place.originator, "stream": place.stream}
    found = _ordered(rows_for(db, _OF_STREAM, {"codes": [code], **here}))
    return found[0] if found else None


def all_about(db: Transaction, originator: str, codes: Collection[str]) -> list[StreamFinding]:
    """The findings of these codes about any stream of an originator that are not closed, the oldest first."""
    return _ordered(rows_for(db, _OF_ORIGINATOR, {"originator": originator, "codes": list(codes)}))


def _ordered(rows: Sequence[Found]) -> list[StreamFinding]:
    names = ("code", "originator", "stream", "sequence", "position")
    oldest_first = sorted(rows, key=lambda row: row.id)
    return [StreamFinding(**{name: getattr(row, name) for name in names}) for row in oldest_first]


def standing(db: Transaction) -> list[StreamFinding]:
    """Every finding that is not closed and that no operator acknowledged, the oldest first."""
    names = tuple(field.name for field in fields(StreamFinding))
    columns = [finding.c[name] for name in names]
    here = finding.c.closed_at.is_(None), finding.c.acknowledged_at.is_(None)
    rows = db.execute(select(*columns).where(*here).order_by(finding.c.id))
    return [StreamFinding(**row) for row in rows.mappings()]
