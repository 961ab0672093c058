"""Which integrator handed a report in: only that one, and those who handed the same report in again, may follow it."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import bindparam, select

from node.database.dialects import Upsert
from node.database.engine import Transaction
from node.database.outgoing_tables import handed_in
from node.database.statements import change, rows_for

_NOTE: Final = Upsert(handed_in, lambda insert: insert.on_conflict_do_nothing())
_OWNED: Final = select(handed_in.c.report_id).where(
    handed_in.c.report_id.in_(bindparam("report_ids", expanding=True)), handed_in.c.integrator == bindparam("of")
)


def note(db: Transaction, owners: Collection[tuple[str, str]]) -> None:
    """Note (report id, integrator); what is known already stays."""
    rows = [{"report_id": report_id, "integrator": integrator} for report_id, integrator in dict.fromkeys(owners)]
    change(db, _NOTE, rows)


def owned(db: Transaction, report_ids: Collection[str], integrator: str) -> set[str]:
    """Those of the reports that this integrator handed in."""
    rows = rows_for(db, _OWNED, {"report_ids": sorted(report_ids), "of": integrator})
    return {row.report_id for row in rows}
