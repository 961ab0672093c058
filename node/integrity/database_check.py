"""Checks what the database itself can check: its pages, its references, its tables and indexes.

SQLite checks its pages and indexes by PRAGMA. Another database keeps its own pages, and checks its constraints at each
write.
"""

from typing import Final

from sqlalchemy import inspect, text

from node.database.engine import Transaction
from node.integrity.all_tables import TABLES
from node.integrity.finding_types import FINDINGS_OF_A_KIND_MAX, FindingCode, Findings, key_of

TRIGGERS: Final = ("message_text_added", "message_text_removed")
"""The triggers of SQLite that keep the full-text index equal to `message_text`."""


def check_schema(db: Transaction, findings: Findings) -> frozenset[str]:
    """Report each table, column, index and trigger that is missing; returns the tables that have all their columns."""
    inspector = inspect(db)
    present = set(inspector.get_table_names())
    whole = set()
    for table in TABLES:
        if table.name not in present:
            findings.report(FindingCode.SCHEMA_DIFFERS, table.name, "", expected="the table", found="nothing")
            continue
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        wanted = {column.name for column in table.columns}
        if wanted <= columns:
            whole.add(table.name)
        for name in sorted(wanted - columns):
            findings.report(FindingCode.SCHEMA_DIFFERS, table.name, "", expected=f"column {name}", found="nothing")
        indexes = {index["name"] for index in inspector.get_indexes(table.name)}
        for name in sorted(str(index.name) for index in table.indexes if index.name not in indexes):
            findings.report(FindingCode.SCHEMA_DIFFERS, table.name, "", expected=f"index {name}", found="nothing")
    if db.dialect.name == "sqlite":
        _check_triggers(db, findings)
    return frozenset(whole)


def _check_triggers(db: Transaction, findings: Findings) -> None:
    found = set(db.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")))
    for name in TRIGGERS:
        if name not in found:
            findings.report(FindingCode.SCHEMA_DIFFERS, "message_text", "", expected=f"trigger {name}", found="nothing")


def check_pages(db: Transaction, findings: Findings) -> None:
    """Report what SQLite finds in its file: pages, indexes, NOT NULL. Nothing to do on another database."""
    if db.dialect.name != "sqlite":
        return
    for (line,) in db.exec_driver_sql(f"PRAGMA integrity_check({FINDINGS_OF_A_KIND_MAX})"):
        if line != "ok":
            findings.report(FindingCode.STORE_DAMAGED, "", "", expected="ok", found=line)


def check_references(db: Transaction, findings: Findings) -> None:
    """Report each row that refers to a row that does not exist."""
    for table in TABLES:
        for key in table.foreign_keys:
            parent, column = key.column.table, key.parent
            orphans = (
                f"SELECT {column.name} FROM {table.name} WHERE NOT EXISTS "  # noqa: S608 - names of our own tables
                f"(SELECT 1 FROM {parent.name} WHERE {parent.name}.{key.column.name} = {table.name}.{column.name}) "
                f"LIMIT {FINDINGS_OF_A_KIND_MAX}"
            )
            for (value,) in db.exec_driver_sql(orphans):
                findings.report(
                    FindingCode.ROW_ORPHANED,
                    table.name,
                    key_of(value),
                    expected=f"a row of {parent.name} with this {key.column.name}",
                    found="nothing",
                )
