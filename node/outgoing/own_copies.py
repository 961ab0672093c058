"""Own reports as rows of the outbox: withdrawn before they are sealed, or sealed again for parties entitled later."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, or_, select, update

from broker.streams import intel_stream
from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.outgoing_tables import draft, outgoing
from node.database.record_tables import message
from node.database.statements import insert_rows, rows_for
from node.store import counters
from node.store.own_reports import OwnReport

_COPIED: Final = (
    *("report_id", "region", "message_id", "content_hash", "payload", "created_at", "labels", "terms", "answered"),
    *("copy", "only_for"),
)
_OF_REPORTS: Final = select(draft).where(draft.c.report_id.in_(bindparam("report_ids", expanding=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCopy:
    """One row of an own report: as it was accepted (copy 0), or for parties that became entitled later."""

    id: int
    report_id: str
    region: str
    message_id: bytes
    content_hash: bytes
    created_at: int
    sequence: int | None
    audience: frozenset[str]
    set_aside: bool
    copy: int
    size: int
    """Of its payload while it is not sealed, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCopy:
    """A report to seal again."""

    of: OwnCopy
    message_id: bytes
    payload: bytes
    labels: bytes
    terms: bytes
    only_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredContent:
    """What the store has of an own report that was read back."""

    payload: bytes
    expires_at: int


def report_ids(db: Transaction, ids: Collection[tuple[str, bytes]]) -> set[str]:
    """The report ids of the own reports that one of `ids` (report id, message id) names."""
    named = or_(draft.c.report_id.in_([name for name, _ in ids]), draft.c.message_id.in_([id_ for _, id_ in ids]))
    return set(db.scalars(select(draft.c.report_id).where(named)))


def copies(db: Transaction, wanted: Sequence[str]) -> list[OwnCopy]:
    """Every row of the reports, in the order of acceptance."""
    found = [_copy(row) for row in rows_for(db, _OF_REPORTS, {"report_ids": list(wanted)})]
    return sorted(found, key=lambda copy: copy.id)


def all_report_ids(db: Transaction, *, after: int, limit: int) -> list[tuple[int, str]]:
    """The (row id, report id) of own reports as they were accepted, after a row id."""
    rows = db.execute(
        select(draft.c.id, draft.c.report_id)
        .where(draft.c.id > after, draft.c.copy == 0)
        .order_by(draft.c.id)
        .limit(limit)
    )
    return [(id_, report_id) for id_, report_id in rows]


def _copy(row: Any) -> OwnCopy:
    return OwnCopy(
        id=row.id,
        report_id=row.report_id,
        region=row.region,
        message_id=row.message_id,
        content_hash=row.content_hash,
        created_at=row.created_at,
        sequence=row.sequence,
        audience=frozenset((row.audience or "").split()),
        set_aside=row.set_aside_at is not None,
        copy=row.copy,
        size=len(row.payload or b""),
    )


def content(db: Transaction, node: str, own: OwnCopy) -> StoredContent | None:
    """What the store has of a sealed report; None before it is read back, and after it was erased."""
    row: Any = db.execute(
        select(message.c.payload, message.c.expires_at).where(
            message.c.originator == node,
            message.c.stream == intel_stream(own.region),
            message.c.sequence == own.sequence,
        )
    ).first()
    return None if row is None or not row.payload else StoredContent(payload=row.payload, expires_at=row.expires_at)


def withdraw(db: Transaction, own: Sequence[OwnCopy]) -> int:
    """Delete rows that are not sealed; returns how many. If one was sealed meanwhile, the caller rolls back."""
    hold(db, Lock.INTAKE)
    gone = db.execute(delete(draft).where(draft.c.id.in_([row.id for row in own]), draft.c.sequence.is_(None))).rowcount
    accepted = sum(row.size > 0 for row in own)  # what was erased does not count
    counters.increase(db, {counters.ACCEPTED: -accepted, counters.ACCEPTED_SIZE: -sum(row.size for row in own)})
    return gone


def add(db: Transaction, new: Sequence[NewCopy]) -> None:
    """Let reports be sealed again, each for the recipients of its copy. The caller holds Lock.INTAKE."""
    rows = []
    for made in new:
        of = made.of
        here = draft.c.report_id == of.report_id, draft.c.region == of.region
        number = (db.scalar(select(func.max(draft.c.copy)).where(*here)) or 0) + 1
        kept = of.report_id, of.region, made.message_id, of.content_hash, made.payload, of.created_at
        rows.append((*kept, made.labels, made.terms, made.only_for, number, made.only_for))
    insert_rows(db, draft, _COPIED, rows)
    size = sum(len(made.payload) for made in new)
    counters.increase(db, {counters.ACCEPTED: len(rows), counters.ACCEPTED_SIZE: size})


def settle(db: Transaction, own: Sequence[OwnCopy]) -> set[str]:
    """An operator has decided about recipients that were missed; returns the regions that still have such reports."""
    db.execute(update(draft).where(draft.c.id.in_([row.id for row in own])).values(missed=None))
    return set(db.scalars(select(draft.c.region).where(draft.c.missed.is_not(None)).distinct()))


def sealed_value(db: Transaction, node: str, own: OwnReport) -> bytes | None:
    """The sealed bytes of an own report, from the messages or the outbox; None if neither has them."""
    stream = intel_stream(own.region)
    value: bytes | None = db.scalar(
        select(message.c.record).where(
            message.c.originator == node, message.c.stream == stream, message.c.sequence == own.sequence
        )
    )
    return value or db.scalar(
        select(outgoing.c.value).where(outgoing.c.stream == stream, outgoing.c.sequence == own.sequence)
    )
