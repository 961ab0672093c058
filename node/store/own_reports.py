"""Reports that this node accepted: the rows from which it seals, and by which it knows its own reports later."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import bindparam, func, select

from node.database.engine import Transaction
from node.database.outgoing_tables import draft
from node.database.statements import insert_rows, rows_for, set_rows
from node.store import counters
from node.store.outbox import HeadMoved
from node.tallies import PUBLISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDraft:
    """One report to accept."""

    report_id: str
    region: str
    message_id: bytes
    content_hash: bytes
    payload: bytes
    created_at: int
    labels: bytes | None = None
    """Its labels without salt (node/reports/kept_forms.py)."""

    terms: bytes | None = None
    """What it is found by (node/reports/kept_forms.py)."""

    answered: str | None = None
    """Codes of the recipients that the caller is told."""

    expires_at: int | None = None
    """When its retention ends, in ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDraft:
    """A draft that was accepted before under the same report id and region."""

    message_id: bytes
    content_hash: bytes


_KNOWN: Final = select(draft.c.report_id, draft.c.region, draft.c.message_id, draft.c.content_hash).where(
    draft.c.report_id.in_(bindparam("report_ids", expanding=True)), draft.c.copy == 0
)


def known(db: Transaction, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], KnownDraft]:
    """Those of the (report id, region) that were accepted before."""
    wanted = set(names)
    rows = rows_for(db, _KNOWN, {"report_ids": [report_id for report_id, _ in wanted]})
    return {
        (row.report_id, row.region): KnownDraft(message_id=row.message_id, content_hash=row.content_hash)
        for row in rows
        if (row.report_id, row.region) in wanted
    }


def add(db: Transaction, drafts: Sequence[NewDraft]) -> None:
    """Write accepted drafts. The caller has checked that they are new."""
    names = tuple(field.name for field in fields(NewDraft))
    insert_rows(db, draft, names, [tuple(getattr(new, name) for name in names) for new in drafts])
    size = sum(len(new.payload) for new in drafts)
    number = len(drafts)
    counters.increase(db, {counters.ACCEPTED: number, counters.ACCEPTED_SIZE: size, PUBLISHED: number})


def own_message_ids(db: Transaction, wanted: Collection[bytes]) -> list[bytes]:
    """Those of the message ids that this node gave to its own reports."""
    rows = db.execute(select(draft.c.message_id).where(draft.c.message_id.in_(list(wanted))))
    return list(rows.scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsealedDraft:
    """A draft that waits to be sealed."""

    id: int
    report_id: str
    region: str
    message_id: bytes
    payload: bytes
    created_at: int
    labels: bytes | None
    """None if an earlier version of Enlace accepted it."""

    terms: bytes | None

    answered: str | None
    """Codes of the recipients that intake answered; None if an earlier version of Enlace accepted it."""

    only_for: str | None
    """Codes of the recipients of a copy for parties that became entitled later; None: all that are entitled."""


NEVER: Final = 2**62  # a time in ms after every retention
_UNSEALED_COLUMNS: Final = tuple(field.name for field in fields(UnsealedDraft))
_UNSEALED: Final = (
    select(*(draft.c[name] for name in _UNSEALED_COLUMNS))
    .where(
        draft.c.sequence.is_(None),
        draft.c.set_aside_at.is_(None),
        func.coalesce(draft.c.expires_at, NEVER) > bindparam("now"),
    )
    .order_by(draft.c.id)
    .limit(bindparam("at_most"))
)
_UNSEALED_ELSEWHERE: Final = _UNSEALED.where(draft.c.region.not_in(bindparam("without", expanding=True)))


def unsealed(db: Transaction, limit: int, without: Collection[str] = (), *, now: int = 0) -> list[UnsealedDraft]:
    """The oldest drafts to seal, except those set aside, of regions in `without`, or expired at `now` (ms)."""
    if without:
        rows = rows_for(db, _UNSEALED_ELSEWHERE, {"at_most": limit, "now": now, "without": sorted(without)})
    else:
        rows = rows_for(db, _UNSEALED, {"at_most": limit, "now": now})
    return [UnsealedDraft(**dict(zip(_UNSEALED_COLUMNS, row, strict=True))) for row in rows]


@dataclass(frozen=True, slots=True)
class SealedDraft:
    """The sequence of a sealed draft in its stream, and the recipients that it was sealed for."""

    sequence: int
    audience: Sequence[str]
    missed: Sequence[str] = ()
    """Recipients that intake answered, and that are not in the audience."""

    size: int = 0
    """Of its payload, in bytes."""


def mark_sealed(db: Transaction, sealed: Mapping[int, SealedDraft]) -> None:
    """Note the sequence and audience of drafts by draft id; what the sealed bytes hold is deleted.

    Raises HeadMoved if a draft was withdrawn since it was read.
    """
    names = ("payload", "sequence", "audience", "labels", "terms", "missed")
    rows = [
        (None, done.sequence, _codes(done.audience), None, None, _codes(done.missed) or None, id_)
        for id_, done in sealed.items()
    ]
    if set_rows(db, draft, names, rows) != len(rows):
        raise HeadMoved
    size = sum(done.size for done in sealed.values())
    counters.increase(db, {counters.ACCEPTED: -len(sealed), counters.ACCEPTED_SIZE: -size})


def _codes(codes: Sequence[str]) -> str:
    return " ".join(sorted(codes))


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReport:
    """A report that this node accepted, sealed or not."""

    message_id: bytes
    region: str
    created_at: int
    payload: bytes | None
    """None once it is sealed."""

    sequence: int | None
    """None until it is sealed."""

    audience: str | None
    """Codes of the recipients; None until it is sealed, and if revision 0001 of the store sealed it."""


_BY_REPORT: Final = select(draft).where(draft.c.report_id == bindparam("report_id"))
_BY_MESSAGE: Final = select(draft).where(draft.c.message_id == bindparam("message_id"))


def by_id(db: Transaction, *, report_id: str, message_id: bytes) -> list[OwnReport]:
    """The own reports with this report id or this message id: one for each region, and their copies."""
    by_report = rows_for(db, _BY_REPORT, {"report_id": report_id})
    by_message = rows_for(db, _BY_MESSAGE, {"message_id": message_id})
    rows = {row.id: row for row in (*by_report, *by_message)}
    return [
        OwnReport(
            message_id=row.message_id,
            region=row.region,
            created_at=row.created_at,
            payload=row.payload,
            sequence=row.sequence,
            audience=row.audience,
        )
        for _, row in sorted(rows.items())
    ]
