"""The own reports that are not settled: not sealed, not read back, or sealed for fewer than was answered."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import literal, select

from broker.streams import intel_stream
from node.database.engine import Transaction
from node.database.outgoing_tables import draft, outgoing

_PREFIX: Final = intel_stream("")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingReport:
    """An own report that is not settled."""

    report_id: str
    message_id: bytes
    region: str
    state: str
    """accepted, set_aside, sealed, sent or missed."""

    created_at: int
    sequence: int | None
    audience: str
    """Codes of the recipients that it was sealed for; before, those that intake answered."""

    missed: str
    """Codes that intake answered, and that it was not sealed for."""

    code: str | None
    reason: str | None


_COLUMNS: Final = tuple(
    draft.c[name]
    for name in (
        *("report_id", "message_id", "region", "created_at", "sequence", "audience", "answered", "missed", "only_for"),
        *("set_aside_at", "set_aside_code", "set_aside_reason", "id"),
    )
)


def waiting_reports(db: Transaction) -> list[WaitingReport]:
    """Every own report that is not settled, in the order of acceptance."""
    nothing = literal(None).label("acknowledged")
    unsealed = select(*_COLUMNS, nothing).where(draft.c.sequence.is_(None))
    missed = select(*_COLUMNS, nothing).where(draft.c.missed.is_not(None))
    sealed = select(*_COLUMNS, outgoing.c.acknowledged).join(
        outgoing, (outgoing.c.stream == _PREFIX + draft.c.region) & (outgoing.c.sequence == draft.c.sequence)
    )
    found = {row.id: _report(row) for statement in (missed, unsealed, sealed) for row in db.execute(statement)}
    return [found[id_] for id_ in sorted(found)]


def _report(row: Any) -> WaitingReport:
    return WaitingReport(
        report_id=row.report_id,
        message_id=row.message_id,
        region=row.region,
        state=_state(row),
        created_at=row.created_at,
        sequence=row.sequence,
        audience=(row.audience if row.sequence is not None else row.only_for or row.answered) or "",
        missed=row.missed or "",
        code=row.set_aside_code,
        reason=row.set_aside_reason,
    )


def _state(row: Any) -> str:
    if row.sequence is None:
        return "set_aside" if row.set_aside_at is not None else "accepted"
    if row.acknowledged is None:
        return "missed"
    return "sent" if row.acknowledged else "sealed"
