"""Checks what is kept about the room that each originator takes: every budget is counted again from its rows."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, func, literal_column, select

from node.database.engine import Transaction
from node.database.receipt_tables import batch_outcome
from node.database.record_tables import message, pending, quarantine, withheld
from node.database.stream_tables import finding, granted, granted_part, link, used_id
from node.integrity.finding_types import FindingCode, Findings, key_of
from node.store import chains, receipts_due, stream_findings, withheld_notes
from node.undecided import usage
from node.undecided.usage import Budget, Usage


def _counted(table: Table, budget: Budget | None, size: Any) -> Select[Any]:
    """Originator, budget and use, for each originator that has a row. None: the rows have the budget."""
    rows = func.count().label("number")
    taken = func.coalesce(func.sum(size), 0).label("taken")
    if budget is None:
        statement = select(table.c.originator, table.c.budget.label("of"), rows, taken)
        return statement.group_by(table.c.originator, table.c.budget)
    of: ColumnElement[str] = literal_column(f"'{budget.value}'").label("of")
    return select(table.c.originator, of, rows, taken).group_by(table.c.originator)


_ROWS: Final = (
    _counted(pending, None, func.length(pending.c.value)),
    _counted(quarantine, None, func.length(quarantine.c.value)),
    _counted(message, Budget.STORED, func.length(message.c.payload) + func.length(message.c.record)),
    _counted(
        withheld,
        Budget.WITHHELD,
        func.length(withheld.c.reason) * 4 + withheld_notes.NOTE_SIZE_BYTES,
    ),
    _counted(link, Budget.CHAIN, literal_column(str(chains.LINK_SIZE_BYTES))),
    _counted(used_id, Budget.CHAIN, literal_column(str(chains.ID_SIZE_BYTES))),
    _counted(granted, Budget.GRANTS, func.length(granted.c.body)),
    _counted(granted_part, Budget.GRANTS, func.length(granted_part.c.body)),
    _counted(
        batch_outcome,
        Budget.OUTCOMES,
        func.length(batch_outcome.c.outcomes) + receipts_due.ROW_SIZE_BYTES,
    ),
    _counted(finding, Budget.FINDINGS, literal_column(str(stream_findings.FINDING_SIZE_BYTES))).where(
        finding.c.code.in_(sorted(stream_findings.NUMEROUS))
    ),
)


def check_usage(db: Transaction, findings: Findings) -> None:
    """Count the rows of each budget and originator, and compare."""
    counted: dict[tuple[str, str], Usage] = {}
    for statement in _ROWS:
        for row in db.execute(statement):
            name = (row.originator, row.of)
            counted[name] = counted.get(name, Usage()) + Usage(int(row.number), int(row.taken))
    kept = {(originator, budget.value): used for (originator, budget), used in usage.everything(db).items()}
    for name in sorted(kept.keys() | counted.keys()):
        expected, found = counted.get(name, Usage()), kept.get(name, Usage())
        if expected != found:
            findings.report(
                FindingCode.COUNT_DIFFERS, "usage", key_of(*name), expected=_text(expected), found=_text(found)
            )


def _text(used: Usage) -> str:
    return f"{used.rows} rows, {used.size} bytes"
