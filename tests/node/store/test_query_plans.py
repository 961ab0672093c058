"""No statement of node/store reads a growing table from end to end, or sorts one, so a large store stays fast.

The statements are collected while every public function runs, so that a new statement without an index fails here.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final
from unittest.mock import patch

from node.database.engine import Store
from tests.support import postgres
from tests.support.query_plans import Plan, watched
from tests.support.store_workload import use_every_function
from tests.support.twin_stores import public_functions

SMALL: Final = {
    "reading": "one row for each topic",
    "turn": "one row for each originator",
    "head": "one row for each own stream",
    "counter": "one row for each name in the code",
    "knowledge": "one row",
    "usage": "a few rows for each originator",
    "deferred": "at most 64 ranges for each topic",
    "own_grant": "one row for each audience of two days",
    "webhook": "at most WEBHOOKS_MAX rows",
}
"""Tables that do not grow with the store, which a statement may read whole."""

EXEMPT: Final = {
    "counters.counts": "counts the quarantine, whose size has a limit",
    "counters.differences": "`db check` counts all rows",
    "identifier_matches.find": "sorts the rows of the answer, whose number has a limit",
    "pending_lists.kept": "a command that answers with all pending records; their number has a limit",
    "pending_lists.waits_for_arrived_grant": "reads an index of pending records, whose number has a limit",
    "quarantine.entries": "sorts nothing and answers with all records; their number has a limit",
    "quarantine.records": "sorts the records that were asked for",
    "quarantine_purge.groups": "a command; the quarantine has a limit",
    "quarantine_purge.purge": "a command; the quarantine has a limit",
    "quarantine_retry.ids": "a command; the quarantine has a limit",
    "quarantine_retry.of_codes": "runs when documents, keys or the program changed; the quarantine has a limit",
    "stream_findings.standing": "reads the index of the findings that are open, which are the answer",
    "token_rows.every": "a command that answers with all tokens; their number has a limit",
    "token_rows.count": "counts the tokens, whose number has a limit",
    "withheld_notes.notes": "answers with all notes",
    "withheld_notes.by_clause": "a page of the console; the number of notes has a limit",
    "set_aside.drafts": "reads the index of the drafts that are set aside, which are the answer",
    "old_notes.close_full": "reads the index of the findings that are open, once findings left",
    "old_notes.drop_findings": "reads the index of the findings that are open, once findings left",
    "oldest_unsettled.oldest_unsettled": "reads the first row of an index of the drafts that wait",
    "own_copies.settle": "a command; reads the index of the reports that a recipient missed",
    "pending_lists.overdue": "`status` counts all pending records; their number has a limit",
    "standing_faults.standing": "answers with all faults: a few for each topic",
    "waiting_reports.waiting_reports": "a command that answers with all of them",
    "own_reports.unsealed": "reads the first rows of an index of the drafts that wait",
    "receipts_to_seal.due": "reads the first rows of an index of what is due",
    "chains.gaps": "an audit, at the end of a stream",
    "chains.last_signed": "an audit, at the end of a stream",
    "deliveries.dead_by_webhook": "`status` counts the dead deliveries by an index; their number has a limit",
    "erase_drafts.is_due": "reads the index of the drafts that wait",
    "erase_drafts.erase": "reads the index of the drafts that wait",
    "erase_messages.erase": "searches an index whole only if a payload does not explain its rows",
}
"""Functions that may read or sort more, each with the reason."""


ONLY_LOCKS = {"webhooks.hold_all"}
"""Functions without a statement on SQLite, where a writing transaction is alone."""


def unexpected(found: Iterable[Plan]) -> list[tuple[str, str, str]]:
    return [
        (plan.function, fault, plan.statement)
        for plan in found
        for fault in plan.faults
        if plan.function not in EXEMPT and not any(f" {name}" in fault.split(" USING")[0] for name in SMALL)
    ]


async def test_on_sqlite_each_statement_finds_its_rows_by_an_index_in_their_order(tmp_path: Path) -> None:
    with watched() as seen:
        await use_every_function(tmp_path)

    assert unexpected(seen.plans.values()) == []
    unseen = public_functions().keys() - seen.functions - ONLY_LOCKS
    assert unseen == set(), "call it in tests/support/store_workload.py"


async def test_on_postgresql_each_statement_finds_its_rows_by_an_index_in_their_order(tmp_path: Path) -> None:
    async def open_there(_url: str) -> Store:
        return await Store.open(postgres.database())

    postgres.binaries()
    with watched() as seen, patch("tests.support.exchange.open_store", open_there):
        await use_every_function(tmp_path)

    assert unexpected(seen.plans.values()) == []


def test_a_statement_without_an_index_is_found() -> None:
    """The exemptions hide only what they name."""
    plan = Plan(function="messages.count", statement="", faults=("SCAN message USING COVERING INDEX x",))

    assert unexpected([plan]) == [("messages.count", "SCAN message USING COVERING INDEX x", "")]
