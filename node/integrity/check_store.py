"""Checks a whole store in one transaction: one state of it, whether a daemon writes meanwhile or not.

Each check is tried on its own: if the database reports damage during one, this is a finding, and the next one follows.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from node.database.engine import Transaction
from node.integrity import (
    chain_check,
    database_check,
    draft_check,
    message_check,
    outgoing_check,
    reference_check,
    totals_check,
    usage_check,
    value_check,
)
from node.integrity.all_tables import TABLES
from node.integrity.finding_types import FindingCode, Findings, StoreFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCheck:
    """The result of a check."""

    tables: Mapping[str, int]
    """Table -> number of rows."""

    findings: tuple[StoreFinding, ...]
    counts: Mapping[str, int]
    """Code -> number of findings, those that are not listed included."""


def check_store(db: Transaction, node: str) -> StoreCheck:
    """Check the store of `node`."""
    findings, tables = Findings(), dict[str, int]()
    with _damage_reported(findings, ""):
        database_check.check_pages(db, findings)
    whole: frozenset[str] = frozenset()
    with _damage_reported(findings, ""):
        whole = database_check.check_schema(db, findings)
    usable = set()
    for table in TABLES:
        if table.name not in whole:
            continue
        with _damage_reported(findings, table.name):
            tables[table.name] = db.scalar(select(func.count()).select_from(table)) or 0
            before = findings.counts
            if db.dialect.name == "sqlite":
                value_check.check_values(db, table, findings)
            if findings.counts == before:
                usable.add(table.name)
    for name, needed, check in _checks(db, node, findings):
        if needed <= usable:
            with _damage_reported(findings, name):
                check()
    return StoreCheck(tables=tables, findings=tuple(findings.listed), counts=findings.counts)


def _checks(db: Transaction, node: str, findings: Findings) -> Iterator[tuple[str, frozenset[str], Callable[[], None]]]:
    """The table of a check, the tables that it reads, and the check."""
    references, outgoing = reference_check, outgoing_check
    chain = frozenset({"link", "reading", "message", "withheld", "pending", "quarantine", "used_id"})
    own = frozenset({"head", "outgoing", "own_batch", "own_grant", "link"})
    found = frozenset({"message", *message_check.INDEXES})
    yield "", found, lambda: database_check.check_references(db, findings)
    yield "link", chain, lambda: _check_chains(db, findings)
    yield "message", found, lambda: message_check.check_messages(db, findings)
    yield "message_fts", found, lambda: message_check.check_full_text(db, findings)
    yield "outgoing", own, lambda: outgoing.check_outgoing(db, node, findings)
    drafts = frozenset({"draft", "head", "message"})
    yield "draft", drafts, lambda: draft_check.check_drafts(db, node, findings)
    yield "reading", frozenset({"reading"}), lambda: references.check_positions(db, findings)
    yield "batch_outcome", frozenset({"batch_outcome", "link"}), lambda: references.check_outcomes(db, findings)
    yield (
        "receipt",
        frozenset({"receipt", "own_batch", "link"}),
        lambda: references.check_receipts(db, node, findings),
    )
    counted = frozenset({"counter", "message", "withheld", "draft"})
    yield "counter", counted, lambda: totals_check.check_numbers(db, findings)
    budgets = frozenset(
        {"usage", "pending", "quarantine", "message", "withheld", "link", "used_id", "granted", "granted_part"}
        | {"batch_outcome", "finding"}
    )
    yield "usage", budgets, lambda: usage_check.check_usage(db, findings)
    blocks = frozenset({"message", "message_block"})
    yield "message_block", blocks, lambda: totals_check.check_blocks(db, findings)
    yield "granted", frozenset({"granted", "link"}), lambda: references.check_grants(db, findings)


def count_rows(db: Transaction) -> dict[str, int]:
    """The number of rows of each table."""
    return {str(table.name): db.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES}


def check_chains(db: Transaction) -> tuple[StoreFinding, ...]:
    """Check the chains of all streams, and the records against them; returns the findings."""
    findings = Findings()
    _check_chains(db, findings)
    return tuple(findings.listed)


def _check_chains(db: Transaction, findings: Findings) -> None:
    for place in chain_check.streams(db):
        chain_check.check_chain(db, place, findings)


@contextmanager
def _damage_reported(findings: Findings, table: str) -> Iterator[None]:
    """Report an error of the database as a finding about `table`."""
    try:
        yield
    except DBAPIError as error:
        findings.report(FindingCode.STORE_DAMAGED, table, "", expected="readable rows", found=error.orig)
