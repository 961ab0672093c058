"""The access log: who did what with which message (LED Art 25). Entries are only added."""

from collections.abc import Iterable
from enum import StrEnum

from node.database.access_tables import access_log
from node.database.engine import Transaction
from node.database.statements import insert_rows


class Operation(StrEnum):
    """The operations of LED Art 25(1) that this version logs."""

    COLLECTION = "COLLECTION"
    CONSULTATION = "CONSULTATION"
    DISCLOSURE = "DISCLOSURE"


def add(db: Transaction, operation: Operation, *, actor: str, subjects: Iterable[tuple[str, str]], now: int) -> None:
    """Add one entry for each (message or report id, detail)."""
    names = ("at", "operation", "actor", "subject", "detail")
    rows = [(now, operation.value, actor, subject, detail) for subject, detail in subjects]
    insert_rows(db, access_log, names, rows)
