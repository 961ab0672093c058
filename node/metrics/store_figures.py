"""The figures of a node that are in its store, read from one state of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from node.database import dialects
from node.database.engine import Transaction
from node.outgoing.oldest_unsettled import OldestUnsettled, oldest_unsettled
from node.store import counters, outbox
from node.tallies import Tallies
from node.undecided import pending_lists, quarantine_purge
from node.undecided.quarantine_filter import Filter

PENDING: tuple[str, str] = ("waiting", "held")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFigures:
    """What one state of the store says, beside what `status` shows."""

    tallies: Tallies
    sealed: Mapping[str, int]
    """Own stream -> how many records were sealed for it, of all time."""

    oldest: OldestUnsettled
    pending: Mapping[str, int]
    """By outcome."""

    oldest_pending: Mapping[str, int | None]
    """Outcome -> when its oldest record arrived, in ms."""

    quarantine: Mapping[str, int]
    """Code -> records whose bytes are kept."""

    size: int
    """Of the database, in bytes."""


def store_figures(db: Transaction) -> StoreFigures:
    """Read the figures."""
    quarantined: dict[str, int] = {}
    for group in quarantine_purge.groups(db, Filter(kept=True)):
        quarantined[group.code] = quarantined.get(group.code, 0) + group.records
    counts = counters.counts(db)
    return StoreFigures(
        tallies=counters.tallied(db),
        sealed={stream: head.next_sequence - 1 for stream, head in outbox.heads(db).items()},
        oldest=oldest_unsettled(db),
        pending={"waiting": counts.waiting, "held": counts.held},
        oldest_pending={outcome: pending_lists.oldest(db, outcome) for outcome in PENDING},
        quarantine=quarantined,
        size=dialects.store_size(db),
    )
