"""Looks again at kept records: those that wait or are held, and those in quarantine.

- They are ingested like records that were read now, so a record that verifies now is stored in its place.
- A record that was rejected in steps 1 to 9 takes its place late; one that was rejected later has its place already.
- This is safe beside a daemon on the same store: the second process finds the row gone, or decides again.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from node.database.engine import Store
from node.exchange.arrival import Arrival
from node.exchange.ingest_portions import ingest_portions
from node.stages import Decision, Outcome
from node.undecided import pending_retry, quarantine, quarantine_retry
from node.undecided.pending_records import PendingRecord
from node.undecided.quarantine import QuarantinedRecord
from node.verification.judge import Judge
from node.verification.new_grants import ArrivedGrant
from node.verification.unsent import UNSENT

log = structlog.get_logger()

CURABLE_CODES: Final = frozenset({"key_unknown", "key_use_wrong", "key_not_valid", "grant_unlawful"})
"""A document may make a record valid that was refused with one of these."""

CHAIN_INVALID: Final = "chain_invalid"  # a checkpoint that corrects a clock may make it valid

RECORDS_IN_TRANSACTION_MAX: Final = 500  # the commit is shared, and the event loop answers within a second
QUARANTINED_IN_TRANSACTION_MAX: Final = 100  # they may be as large as records may be, and the writer's lock is held


@dataclass(frozen=True, slots=True, kw_only=True)
class RetriedRecord:
    """A quarantined record, and the decision about it now."""

    kept: QuarantinedRecord
    """As it was before."""

    arrival: Arrival

    @property
    def decision(self) -> Decision:
        """The decision of this time."""
        if self.arrival.decision is None:
            raise AssertionError("every record ends with a decision")
        return self.arrival.decision

    @property
    def refused(self) -> bool:
        """Whether it stays in quarantine."""
        return self.decision.outcome is Outcome.REJECTED


async def retry_pending(
    store: Store,
    judge: Callable[[], Judge],
    *,
    clock: Callable[[], int],
    grants: Sequence[ArrivedGrant] = (),
    everything: bool = False,
    reads: Callable[[str], bool] = lambda _: True,
) -> int:
    """Look again at records that wait for one of `grants`, and at those that are due, or at all.

    Only at records of originators that this process `reads`; other processes look at theirs. Returns how many.
    """
    if everything:
        return await _retry(store, judge, pending_retry.each, clock=clock, reads=reads)
    retried = await _retry(store, judge, partial(pending_retry.due, now=clock()), clock=clock, reads=reads)
    if grants:
        here = {(originator, sequence) for originator, sequence, _ in grants}
        waiting = partial(pending_retry.waiting_for, grants=here)
        retried += await _retry(store, judge, waiting, clock=clock, reads=reads)
        retried += await _retry_behind(store, judge, grants, clock=clock, reads=reads)
    return retried


async def _retry_behind(
    store: Store,
    judge: Callable[[], Judge],
    grants: Sequence[ArrivedGrant],
    *,
    clock: Callable[[], int],
    reads: Callable[[str], bool],
) -> int:
    """Look again at the records that name a leaf behind a late grant of its batch: they may have waited for that part.

    Messages that name the same leaf have the same audience. So one of them shows whether the others can be decided:
    otherwise each late leaf of a long batch would cost a decision about each waiting record.
    """
    leaves = sorted(await store.read(partial(pending_retry.named_behind, grants=grants)))
    retried, decided = 0, set[tuple[str, int]]()
    for start in range(0, len(leaves), RECORDS_IN_TRANSACTION_MAX):
        probes = await store.read(
            partial(pending_retry.first_waiting_for, grants=leaves[start : start + RECORDS_IN_TRANSACTION_MAX])
        )
        arrivals = [_arrival_of_pending(record) for record in probes if reads(record.place.originator)]
        retried += len(arrivals)
        await ingest_portions(store, judge, arrivals, positions={}, clock=clock)
        ids = {
            arrival.pending_id
            for arrival in arrivals
            if arrival.decision is not None and arrival.decision.outcome is not Outcome.WAITING
        }
        decided |= {(record.place.originator, record.grant or 0) for record in probes if record.id in ids}
    waiting = partial(pending_retry.waiting_for, grants=decided)
    return retried + await _retry(store, judge, waiting, clock=clock, reads=reads)


async def _retry(
    store: Store,
    judge: Callable[[], Judge],
    select: Callable[..., list[PendingRecord]],
    *,
    clock: Callable[[], int],
    reads: Callable[[str], bool],
) -> int:
    """Look again at the records that `select` finds, page by page."""
    retried, after = 0, None
    while records := await store.read(partial(select, limit=RECORDS_IN_TRANSACTION_MAX, after=after)):
        after = records[-1]
        arrivals = [_arrival_of_pending(record) for record in records if reads(record.place.originator)]
        retried += len(arrivals)
        if arrivals:
            await ingest_portions(store, judge, arrivals, positions={}, clock=clock)
    return retried


def _arrival_of_pending(record: PendingRecord) -> Arrival:
    return Arrival(
        topic=record.topic,
        place=record.place,
        position=record.position,
        value=record.value,
        placed=record.placed,
        pending_id=record.id,
        foreign=record.reason == UNSENT,
    )


async def retry_curable(
    store: Store, judge: Callable[[], Judge], *, clock: Callable[[], int], reads: Callable[[str], bool] = lambda _: True
) -> int:
    """Look again at the quarantined records that a document or a key may have made valid; returns how many."""
    found = await store.read(partial(quarantine_retry.of_codes, codes=CURABLE_CODES))
    ids = [id_ for id_, originator in found if reads(originator)]
    done = await retry_quarantined(store, judge, ids, clock=clock)
    resolved = sum(not record.refused for record in done)
    if resolved:
        log.info("quarantine_retried", records=len(ids), resolved=resolved)
    return len(ids)


async def retry_corrected(
    store: Store, judge: Callable[[], Judge], originators: Collection[str], *, clock: Callable[[], int]
) -> None:
    """Look again at the batches that were dated before an earlier one, of originators that corrected their clock."""
    found = await store.read(partial(quarantine_retry.of_codes, codes={CHAIN_INVALID}))
    await retry_quarantined(store, judge, [id_ for id_, originator in found if originator in originators], clock=clock)


async def retry_quarantined(
    store: Store, judge: Callable[[], Judge], ids: Sequence[str], *, clock: Callable[[], int]
) -> list[RetriedRecord]:
    """Look again at the quarantined records `ids`, in this order; then at records that waited for a grant among them.

    A record that another process decided meanwhile is not in the answer.
    """
    retried: list[RetriedRecord] = []
    for start in range(0, len(ids), QUARANTINED_IN_TRANSACTION_MAX):
        wanted = ids[start : start + QUARANTINED_IN_TRANSACTION_MAX]
        kept = await store.read(partial(quarantine.records, wanted=wanted))
        chunk = [RetriedRecord(kept=record, arrival=_arrival_of_quarantined(record)) for record in kept]
        arrivals = [item.arrival for item in chunk]
        new_grants = await ingest_portions(store, judge, arrivals, positions={}, clock=clock)
        retried += chunk
        if new_grants:
            await retry_pending(store, judge, clock=clock, grants=new_grants)
    return retried


def _arrival_of_quarantined(kept: QuarantinedRecord) -> Arrival:
    return Arrival(
        topic=kept.record.topic,
        place=kept.record.place,
        position=kept.record.position,
        value=kept.record.value,
        placed=kept.record.placed,
        quarantine_id=kept.id,
    )
