"""What the nodes showed during a campaign: findings, refused and waiting records, log events, status, refusals.

A finding may be closed when an attack ends, so everything that was ever seen is kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import select
from structlog.typing import EventDict

from node.database.engine import Transaction
from node.database.outgoing_tables import draft
from node.database.record_tables import counter, pending, quarantine, withheld
from node.database.stream_tables import finding


class Where(StrEnum):
    """Where a node shows something."""

    FINDING = "finding"
    QUARANTINE = "quarantine"
    PENDING = "pending"
    WITHHELD = "withheld"
    SET_ASIDE = "set aside"
    COUNT = "count"
    LOG = "log"
    STATUS = "status"
    UNAVAILABLE = "unavailable"
    """The code of an error that a job of the daemon met, and after which it tries again."""

    EXIT = "exit"
    """The code of an error with which a process refused to start, or ended."""

    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Sighting:
    """A code that a node showed, and where."""

    node: str
    where: Where
    code: str


@dataclass(frozen=True, slots=True)
class Trace:
    """What an attack must leave: one of `codes` at a node, or at any node."""

    where: Where
    codes: tuple[str, ...]
    node: str | None = None

    def is_in(self, seen: frozenset[Sighting]) -> bool:
        """Whether it was left. A refused record for which the quarantine has no room leaves `records_deferred`."""
        wanted = {(self.where, code) for code in self.codes}
        if self.where is Where.QUARANTINE:
            wanted.add((Where.FINDING, "records_deferred"))
        return any(
            (sighting.where, sighting.code) in wanted and self.node in (None, sighting.node) for sighting in seen
        )


@dataclass(slots=True)
class Sightings:
    """Everything that was seen so far."""

    acting: str = ""
    """The node whose code runs: log events are its own."""

    seen: set[Sighting] = field(default_factory=set)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """The last log events, for the report of a failure."""

    def add(self, node: str, where: Where, *codes: str) -> None:
        """Note codes."""
        self.seen |= {Sighting(node, where, code) for code in codes}

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Note each log event, and write none."""

        def note(_logger: object, _method: str, event: EventDict) -> EventDict:
            self.add(self.acting, Where.LOG, event["event"])
            self.events.append((self.acting, dict(event)))
            raise structlog.DropEvent

        before = structlog.get_config()
        structlog.configure(
            processors=[note],
            wrapper_class=structlog.make_filtering_bound_logger(0),
            logger_factory=structlog.PrintLoggerFactory(),
            cache_logger_on_first_use=False,
        )
        try:
            yield
        finally:
            structlog.configure(**before)


def kept_in(db: Transaction, node: str) -> set[Sighting]:
    """What the store of a node shows, closed findings too."""
    columns = {
        Where.FINDING: finding.c.code,
        Where.QUARANTINE: quarantine.c.code,
        Where.PENDING: pending.c.reason,
        Where.WITHHELD: withheld.c.code,
        Where.SET_ASIDE: draft.c.set_aside_code,
    }
    found = {
        Sighting(node, where, code)
        for where, column in columns.items()
        for code in db.scalars(select(column).where(column.is_not(None)).distinct())
    }
    counted = db.scalars(select(counter.c.name).where(counter.c.value > 0))
    return found | {Sighting(node, Where.COUNT, name) for name in counted}
