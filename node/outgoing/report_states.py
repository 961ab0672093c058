"""How far an own report is on its way to the log, and since when."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, select

from broker.streams import intel_stream
from node.database.engine import Transaction
from node.database.outgoing_tables import draft, outgoing
from node.database.record_tables import message
from node.database.statements import rows_for
from node.stages import StreamId
from node.store import own_batches


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportState:
    """One message that carries an own report."""

    report_id: str
    message_id: bytes
    region: str
    state: str
    """accepted, sealed, sent or witnessed."""

    since: int
    """In ms. The store does not have the time of an acknowledgement: of a report that is sent, when it was sealed."""

    set_aside: str | None
    """The code because of which it cannot be sealed."""


_COLUMNS: Final = tuple(
    draft.c[name]
    for name in ("id", "report_id", "message_id", "region", "created_at", "sequence", "set_aside_at", "set_aside_code")
)
_BY_REPORT: Final = select(*_COLUMNS).where(draft.c.report_id == bindparam("report_id"))
_BY_MESSAGE: Final = select(*_COLUMNS).where(draft.c.message_id == bindparam("message_id"))
_WAITS: Final = select(outgoing.c.acknowledged).where(
    outgoing.c.stream == bindparam("in_stream"), outgoing.c.sequence == bindparam("at")
)
_READ_BACK: Final = select(message.c.received_at).where(
    message.c.originator == bindparam("of"),
    message.c.stream == bindparam("in_stream"),
    message.c.sequence == bindparam("at"),
)


def by_id(db: Transaction, node: str, *, report_id: str, message_id: bytes) -> list[ReportState]:
    """The messages of the own report with this report id, or the message of this id, in the order of acceptance."""
    by_report = rows_for(db, _BY_REPORT, {"report_id": report_id})
    by_message = rows_for(db, _BY_MESSAGE, {"message_id": message_id})
    rows = {row.id: row for row in (*by_report, *by_message)}
    return [_state(db, node, row) for _, row in sorted(rows.items())]


def _state(db: Transaction, node: str, row: Any) -> ReportState:
    state, since = ("accepted", row.created_at) if row.sequence is None else _sealed(db, node, row)
    return ReportState(
        report_id=row.report_id,
        message_id=row.message_id,
        region=row.region,
        state=state,
        since=since,
        set_aside=row.set_aside_code if row.set_aside_at is not None else None,
    )


def _sealed(db: Transaction, node: str, row: Any) -> tuple[str, int]:
    stream = intel_stream(row.region)
    batch = own_batches.at(db, StreamId(stream=stream, originator=node), row.sequence)
    sealed_at = row.created_at if batch is None else batch.sealed_at
    waiting = rows_for(db, _WAITS, {"in_stream": stream, "at": row.sequence})
    if waiting:
        return "sent" if waiting[0].acknowledged else "sealed", sealed_at
    read_back = rows_for(db, _READ_BACK, {"of": node, "in_stream": stream, "at": row.sequence})
    return "witnessed", read_back[0].received_at if read_back else sealed_at
