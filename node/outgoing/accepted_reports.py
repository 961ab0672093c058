"""The own reports in the order of acceptance, the newest first, each with its state on the way into the log."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, exists, select

from broker.streams import intel_stream
from node.database.engine import Transaction
from node.database.outgoing_tables import draft, handed_in, outgoing

_PREFIX: Final = intel_stream("")
_LAST_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedReport:
    """One own report, or its copy for parties that became entitled later."""

    id: int
    report_id: str
    message_id: bytes
    region: str
    created_at: int
    sequence: int | None
    state: str
    """accepted, set_aside, sealed, sent, or witnessed: it was read back from the log."""

    audience: tuple[str, ...]
    """Codes of the recipients that it was sealed for; before, those that intake answered."""


_COLUMNS: Final = tuple(
    draft.c[name]
    for name in (
        *("id", "report_id", "message_id", "region", "created_at", "sequence", "set_aside_at"),
        *("audience", "answered", "only_for"),
    )
)


def newest(db: Transaction, *, before: int | None, limit: int, integrator: str | None = None) -> list[AcceptedReport]:
    """The newest reports before the row id `before`, or of all; at most `limit`.

    With `integrator`, only those that this integrator handed in.
    """
    here = (outgoing.c.stream == _PREFIX + draft.c.region) & (outgoing.c.sequence == draft.c.sequence)
    statement: Select[Any] = select(*_COLUMNS, outgoing.c.acknowledged).join(outgoing, here, isouter=True)
    statement = statement.where(draft.c.id < (_LAST_ID if before is None else before))
    if integrator is not None:
        owned = (handed_in.c.report_id == draft.c.report_id) & (handed_in.c.integrator == integrator)
        statement = statement.where(exists().where(owned))
    return [_report(row) for row in db.execute(statement.order_by(draft.c.id.desc()).limit(limit))]


def _report(row: Any) -> AcceptedReport:
    codes = row.audience if row.sequence is not None else row.only_for or row.answered
    return AcceptedReport(
        id=row.id,
        report_id=row.report_id,
        message_id=row.message_id,
        region=row.region,
        created_at=row.created_at,
        sequence=row.sequence,
        state=_state(row),
        audience=tuple((codes or "").split()),
    )


def _state(row: Any) -> str:
    if row.sequence is None:
        return "set_aside" if row.set_aside_at is not None else "accepted"
    if row.acknowledged is None:
        return "witnessed"
    return "sent" if row.acknowledged else "sealed"
