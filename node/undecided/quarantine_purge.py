"""Counts the quarantine by code and originator, and deletes bytes of its records. The digests stay as evidence."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select, update

from node.database.engine import Transaction
from node.database.locks import Lock, hold
from node.database.record_tables import quarantine
from node.undecided import usage
from node.undecided.quarantine import is_authenticated
from node.undecided.quarantine_filter import Filter
from node.undecided.usage import Budget, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineGroup:
    """The records of one code in the topics of one originator."""

    code: str
    step: int
    originator: str
    authenticated: bool
    """A key of the originator signed them."""

    records: int
    size: int
    """Bytes that they had in the log."""

    first_received_at: int
    last_received_at: int


def groups(db: Transaction, wanted: Filter) -> list[QuarantineGroup]:
    """The groups, the largest first."""
    columns = (quarantine.c.code, quarantine.c.step, quarantine.c.originator)
    records = func.count().label("records")
    statement = (
        select(
            *columns,
            records,
            func.sum(quarantine.c.size).label("size"),
            func.min(quarantine.c.received_at).label("first_received_at"),
            func.max(quarantine.c.received_at).label("last_received_at"),
        )
        .where(*wanted.conditions())
        .group_by(*columns)
        .order_by(records.desc(), *columns)
    )
    return [
        QuarantineGroup(
            code=row.code,
            step=row.step,
            originator=row.originator,
            authenticated=is_authenticated(row.step),
            records=row.records,
            size=int(row.size),
            first_received_at=row.first_received_at,
            last_received_at=row.last_received_at,
        )
        for row in db.execute(statement)
    ]


def purge(
    db: Transaction, wanted: Filter, *, ids: Collection[str] | None = None, before: int | None = None
) -> dict[str, int]:
    """Delete the bytes of the records that fit; returns how many records and bytes.

    `before`: only those received before this time, in ms.
    """
    hold(db, Lock.QUARANTINE)  # no record comes or goes between counting and deleting
    fits = [*wanted.conditions(), quarantine.c.budget != Budget.PURGED.value]
    if ids is not None:
        fits.append(quarantine.c.id.in_(list(ids)))
    if before is not None:
        fits.append(quarantine.c.received_at < before)
    use = db.execute(
        select(quarantine.c.originator, quarantine.c.budget, func.count(), func.sum(func.length(quarantine.c.value)))
        .where(*fits)
        .group_by(quarantine.c.originator, quarantine.c.budget)
    ).all()
    db.execute(update(quarantine).where(*fits).values(value=b"", budget=Budget.PURGED.value))
    usage.add(db, [(originator, budget, -Usage(count, int(size))) for originator, budget, count, size in use])
    usage.add(db, [(originator, Budget.PURGED, Usage(count)) for originator, _, count, _ in use])
    return {"records": sum(count for _, _, count, _ in use), "size": sum(int(size) for _, _, _, size in use)}
