"""Looks again at records that were kept: those that wait or are held, and those in quarantine.

The way is that of a record just read (`ingest`), so what verifies now is stored in its place: a record that was refused
in steps 1 to 9 takes its place late, one that was refused later has it already. Safe beside a daemon on the same store:
who comes second finds the row gone, or decides anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from node.exchange.arrival import Arrival
from node.exchange.ingest import ingest
from node.stages import Decision, Grant, Outcome
from node.store import pending_records, quarantine
from node.store.engine import Store
from node.verification.judge import Judge

RECORDS_IN_TRANSACTION_MAX: Final = 500  # commit cost is shared, and the loop answers within a second
QUARANTINED_IN_TRANSACTION_MAX: Final = 100  # some are as large as records may be, and the writer's lock is held


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """A quarantined record, and what became of it now."""

    kept: quarantine.QuarantinedRecord
    """As it lay there before."""

    found: Arrival

    @property
    def decision(self) -> Decision:
        """The decision of this time."""
        if self.found.decision is None:
            raise AssertionError("every record ends with a decision")
        return self.found.decision

    @property
    def refused(self) -> bool:
        """Whether it stays in quarantine."""
        return self.decision.outcome is Outcome.REJECTED


async def retry_pending(
    store: Store,
    judge: Callable[[], Judge],
    *,
    clock: Callable[[], int],
    grants: Sequence[Grant] = (),
    everything: bool = False,
    of: Callable[[str], bool] = lambda _: True,
) -> int:
    """Look again at what waits for one of `grants`, at what is due, or at everything; returns at how many.

    Of the originators for which `of` says so: others are left to whoever reads them.
    """
    looked, after = 0, 0
    while True:
        async with store.read() as db:
            rows = await pending_records.to_retry(
                db,
                grants=[(grant.originator, grant.sequence) for grant in grants],
                everything=everything,
                now=clock(),
                limit=RECORDS_IN_TRANSACTION_MAX,
                after=after,
            )
        if not rows:
            return looked
        after = rows[-1].id
        found = [_again(row) for row in rows if of(row.place.originator)]
        looked += len(found)
        if found:
            await ingest(store, judge(), found, positions={}, now=clock())


def _again(row: pending_records.PendingRecord) -> Arrival:
    return Arrival(
        topic=row.topic,
        place=row.place,
        position=row.position,
        value=row.value,
        placed=row.placed,
        pending_id=row.id,
    )


async def retry_quarantined(
    store: Store, judge: Callable[[], Judge], ids: Sequence[str], *, clock: Callable[[], int]
) -> list[Retried]:
    """Look again at the quarantined records `ids`, in this order; then at what waited for a grant among them.

    One that another process decided meanwhile is not in the answer.
    """
    done: list[Retried] = []
    for start in range(0, len(ids), QUARANTINED_IN_TRANSACTION_MAX):
        async with store.read() as db:
            rows = await quarantine.records(db, ids[start : start + QUARANTINED_IN_TRANSACTION_MAX])
        some = [
            Retried(
                kept=kept,
                found=Arrival(
                    topic=kept.record.topic,
                    place=kept.record.place,
                    position=kept.record.position,
                    value=kept.record.value,
                    placed=kept.record.placed,
                    quarantine_id=kept.id,
                ),
            )
            for kept in rows
        ]
        new = await ingest(store, judge(), [one.found for one in some], positions={}, now=clock())
        done += some
        if new:
            await retry_pending(store, judge, clock=clock, grants=new)
    return done
