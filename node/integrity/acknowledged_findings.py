"""Findings about streams that an operator acknowledged: what they report has happened, and is dealt with.

- A gap stays open, so that it still ends when its records arrive. Any other finding ends with its acknowledgement, and
  the next fault of its kind is a new one.
- A finding that stands for a state of the node is not acknowledged: it ends when the state ends.
- The row keeps who acknowledged the finding, when, and the reason, until it leaves as findings that have ended do.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import select, update

from node.database.engine import Transaction
from node.database.stream_tables import finding
from node.stages import StreamId
from node.verification.gaps import CODES

ACKNOWLEDGED: Final = frozenset({*CODES, "out_of_order", "log_replaced", "transport_malformed", "records_lost"})
"""Codes that report something that happened."""

ID_MAX: Final = 2**63 - 1  # a database has no higher numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFinding:
    """A row of the findings."""

    id: int
    code: str
    originator: str
    stream: str
    sequence: int | None
    last_sequence: int | None
    """Of a gap."""

    position: int | None
    found_at: int
    closed_at: int | None
    acknowledged_at: int | None
    acknowledged_by: str | None
    acknowledged_reason: str | None


_COLUMNS: Final = tuple(finding.c[field.name] for field in fields(KeptFinding))
_IS_OPEN: Final = finding.c.closed_at.is_(None)


def kept(db: Transaction, *, after: int, limit: int, ended: bool) -> list[KeptFinding]:
    """The next findings after an id: those that stand and that nobody acknowledged, or with `ended` all."""
    here = [finding.c.id > after] if ended else [finding.c.id > after, _IS_OPEN, finding.c.acknowledged_at.is_(None)]
    rows = db.execute(select(*_COLUMNS).where(*here).order_by(finding.c.id).limit(limit))
    return [KeptFinding(**row) for row in rows.mappings()]


def of_ids(db: Transaction, ids: Collection[int]) -> list[KeptFinding]:
    """Those of the findings that are in the store."""
    possible = [id_ for id_ in ids if 0 < id_ <= ID_MAX]
    rows = db.execute(select(*_COLUMNS).where(finding.c.id.in_(possible)).order_by(finding.c.id))
    return [KeptFinding(**row) for row in rows.mappings()]


def acknowledge(db: Transaction, found: Sequence[KeptFinding], *, by: str, reason: str, now: int) -> None:
    """Keep who acknowledged these findings at `now` (ms); what was acknowledged before stays as it is."""
    new = [one for one in found if one.acknowledged_at is None]
    noted = {"acknowledged_at": now, "acknowledged_by": by, "acknowledged_reason": reason}
    db.execute(update(finding).where(finding.c.id.in_([one.id for one in new])).values(noted))
    ended = [one.id for one in new if not _is_gap(one)]
    db.execute(update(finding).where(finding.c.id.in_(ended), _IS_OPEN).values(closed_at=now))


def _is_gap(one: KeptFinding) -> bool:
    """Whether it is a gap in the chain, and not a log that begins later than it was read."""
    return one.code in CODES and one.last_sequence is not None


def faults_of(db: Transaction, codes: Collection[str]) -> list[tuple[str, StreamId, int | None]]:
    """Code, stream and position of the findings about faults of the log that stand; gaps in a chain are not among them.

    The oldest are first.
    """
    names = (finding.c.code, finding.c.stream, finding.c.originator, finding.c.position)
    here = _IS_OPEN, finding.c.code.in_(list(codes)), finding.c.last_sequence.is_(None)
    rows = db.execute(select(*names).where(*here).order_by(finding.c.id))
    return [
        (code, StreamId(stream=stream, originator=originator), position) for code, stream, originator, position in rows
    ]


def has_gap(db: Transaction, place: StreamId) -> bool:
    """Whether a record of the stream is missing between others, or the findings of its originator are too many."""
    here = finding.c.originator == place.originator, finding.c.stream == place.stream, _IS_OPEN
    gap = select(finding.c.id).where(*here, finding.c.code.in_(CODES), finding.c.last_sequence.is_not(None))
    full = select(finding.c.id).where(
        finding.c.originator == place.originator, _IS_OPEN, finding.c.code == "findings_full"
    )
    return db.scalar(gap.limit(1)) is not None or db.scalar(full.limit(1)) is not None


def end_fault(db: Transaction, code: str, place: StreamId, now: int) -> None:
    """The fault of the log has healed: end its findings, and no gap in the chain."""
    here = finding.c.originator == place.originator, finding.c.stream == place.stream, finding.c.code == code
    db.execute(update(finding).where(*here, _IS_OPEN, finding.c.last_sequence.is_(None)).values(closed_at=now))
