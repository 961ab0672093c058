"""What is wrong with records and streams, as the store has it: standing faults, quarantine, records that wait."""

from collections.abc import Iterable
from typing import Final

from node.database.engine import Transaction
from node.health.problem import Problem, problem
from node.outgoing import standing_faults
from node.undecided import pending_lists, quarantine_purge
from node.undecided.quarantine_filter import Filter
from node.undecided.quarantine_purge import QuarantineGroup
from node.webhooks import deliveries

WAITING_MS_MAX: Final = 15 * 60 * 1000  # as the alarm of the daemon


def record_problems(db: Transaction, now: int) -> list[Problem]:
    """The problems at `now` in ms."""
    return [*_faults(db), *_quarantined(db), *_overdue(db, now), *_dead_deliveries(db)]


def _faults(db: Transaction) -> Iterable[Problem]:
    for fault in standing_faults.standing(db):
        yield problem(fault.code, fault.subject, fault.message, since=fault.since)


def _quarantined(db: Transaction) -> Iterable[Problem]:
    """One problem for each originator in whose topics refused records were found."""
    groups: dict[str, list[QuarantineGroup]] = {}
    for group in quarantine_purge.groups(db, Filter(kept=True)):
        groups.setdefault(group.originator, []).append(group)
    for originator, found in sorted(groups.items()):
        codes = ", ".join(f"{group.records} {group.code}" for group in found)
        where = f"in the topics of {originator}"
        by = f"signed by {originator}" if any(group.authenticated for group in found) else "written by anybody"
        yield problem(
            "records_quarantined",
            originator,
            f"{sum(group.records for group in found)} records {where} were refused: {codes}; {by}",
            since=min(group.first_received_at for group in found),
        )


def _overdue(db: Transaction, now: int) -> Iterable[Problem]:
    """Records that have waited, or were held, longer than the alarm of the daemon allows."""
    for group in pending_lists.overdue(db, now - WAITING_MS_MAX):
        code = "message_waits_too_long" if group.outcome == "waiting" else "message_held_too_long"
        message = f"{group.records} records of {group.originator} are {group.outcome}: {group.reason}"
        yield problem(code, group.originator, message, since=group.first_received_at)


def _dead_deliveries(db: Transaction) -> Iterable[Problem]:
    """One problem for each webhook with deliveries that are not tried any more."""
    for webhook, (number, since) in deliveries.dead_by_webhook(db).items():
        yield problem("deliveries_dead", webhook, f"{number} messages did not reach the webhook", since=since)
