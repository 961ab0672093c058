"""One transaction for a handful of records: place, decide, write, so that position and data move together.

Reads what the records touch, asks `judge` and `chain`, writes what came of it. Fetching is `subscribe`, looking again
is `retry`. A crash loses nothing and stores nothing twice: positions, chain, messages and notes are committed as one.
If another process ingested of the same originators between reading and writing, all is decided anew: what was read is
not true any more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from node.errors import Rejected
from node.exchange import note_receipts
from node.exchange.arrival import Arrival
from node.exchange.note_receipts import Reached
from node.exchange.write_decisions import write_decisions
from node.stages import Decision, Grant, Outcome, StreamId, Verified
from node.store import (
    chains,
    ingest_lock,
    outbox,
    pending_records,
    quarantine,
    read_positions,
    received_grants,
    stream_findings,
)
from node.store.engine import Store
from node.verification.chain import StreamView, id_reused
from node.verification.judge import Judge, grant_of

log = structlog.get_logger()


@dataclass(slots=True)
class _Work:
    """What placing and deciding found out, before it is written."""

    views: dict[StreamId, StreamView] = field(default_factory=dict)
    gaps_changed: dict[StreamId, int] = field(default_factory=dict)
    out_of_order: list[Arrival] = field(default_factory=list)
    grants: dict[tuple[str, bytes], Grant] = field(default_factory=dict)
    known: dict[tuple[str, bytes, int], Grant] = field(default_factory=dict)
    witnessed: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)


async def ingest(
    store: Store, judge: Judge, found: Sequence[Arrival], *, positions: dict[str, int], now: int
) -> list[Grant]:
    """Decide about `found`, in its order, and store the outcome with `positions` (topic -> where to go on).

    Returns the grants that are new here. Raises Unavailable with nothing written.
    """
    first = [(judge.authenticate(one.value, one.place), one.placed) for one in found]
    while True:
        for one, (answer, placed) in zip(found, first, strict=True):
            one.record, one.decision = (None, answer) if isinstance(answer, Decision) else (answer, None)
            one.placed = placed
        work = _Work()
        async with store.read() as db:
            before = await ingest_lock.now(db, {one.place.originator for one in found})
            here = await _still_here(db, found)
            await _load(db, work, here)
            for one in here:
                if one.record is not None and not one.placed:
                    _place(work, one, one.record, judge.node)
                elif one.record is not None and one.quarantine_id is not None:
                    await _check_id(db, one, one.record)
            work.known = await received_grants.decisive(
                db, [key for one in here if (key := _grant_key(one)) is not None]
            )
        for one in here:
            if one.decision is None and one.record is not None:
                one.decision = judge.decide(one.record, grant=_grant(work, one), now=now)
        async with store.write() as db:
            if await ingest_lock.take(db, before):
                await _write(db, judge, work, here, positions, now)
                return list(work.grants.values())


async def _still_here(db: AsyncConnection, found: Sequence[Arrival]) -> list[Arrival]:
    """Without those that were kept to be looked at again, and that another process has decided meanwhile."""
    pending = await pending_records.present(db, {one.pending_id for one in found if one.pending_id is not None})
    refused = await quarantine.present(db, {one.quarantine_id for one in found if one.quarantine_id is not None})
    here = []
    for one in found:
        if one.pending_id in pending or one.quarantine_id in refused or one.is_new:
            here.append(one)
        else:
            one.decision = Decision(outcome=Outcome.DUPLICATE)
    return here


async def _load(db: AsyncConnection, work: _Work, found: Sequence[Arrival]) -> None:
    by_place: dict[StreamId, list[Verified]] = {}
    for one in found:
        if one.record is not None and not one.placed:
            by_place.setdefault(one.place, []).append(one.record)
    for place, records in by_place.items():
        work.views[place] = await chains.load(db, place, records)


def _place(work: _Work, one: Arrival, record: Verified, node: str) -> None:
    view = work.views[one.place]
    try:
        placed = view.place(record)
    except Rejected as error:
        one.decision = Decision.rejected(error)
        return
    if placed.duplicate:
        one.decision = Decision(outcome=Outcome.DUPLICATE)
        return
    one.placed = True
    if placed.gaps_changed:
        work.gaps_changed.setdefault(one.place, one.position)
    if placed.out_of_order:
        work.out_of_order.append(one)
    if record.batch.originator == node:
        work.witnessed.setdefault(record.batch.stream, []).append((record.sequence, record.value))
    if placed.reused_id is not None:
        one.decision = Decision.rejected(placed.reused_id)
    elif record.body is not None:
        work.grants.setdefault((record.batch.originator, record.body.audience_key_id), grant_of(record))


async def _check_id(db: AsyncConnection, one: Arrival, record: Verified) -> None:
    """Step 10 for a record that has its place already: of those with one id, the first that came keeps it."""
    used_at = await chains.id_used_at(db, one.place, record.header.message_id)
    if used_at not in (None, record.sequence):
        one.decision = Decision.rejected(id_reused(used_at))


def _past_seven(one: Arrival) -> Verified | None:
    """The record, also if step 11 refused its key and it leaves no trace in the chain."""
    return one.record or (one.decision.traceless if one.decision is not None else None)


def _grant_key(one: Arrival) -> tuple[str, bytes, int] | None:
    record = _past_seven(one)
    if record is None or (sealing := record.header.sealing) is None:
        return None
    return record.batch.originator, sealing.audience_key_id, sealing.grant


def _grant(work: _Work, one: Arrival) -> Grant | None:
    key = _grant_key(one)
    if key is None:
        return None
    return work.known.get(key) or work.grants.get(key[:2])


async def _write(
    db: AsyncConnection, judge: Judge, work: _Work, found: Sequence[Arrival], positions: dict[str, int], now: int
) -> None:
    for place, view in work.views.items():
        await chains.put(db, place, view)
    await received_grants.put(db, work.grants)
    await _write_positions(db, work, found, positions)
    for place, position in work.gaps_changed.items():
        for gap in await stream_findings.settle_gaps(db, place, work.views[place].highest, position, now):
            log.warning(
                "gap_found", code=gap.code, stream=place.stream, originator=place.originator, sequence=gap.first
            )
    for one in work.out_of_order:
        sequence = one.record.sequence if one.record is not None else None
        await stream_findings.add(db, "out_of_order", one.place, sequence=sequence, position=one.position, now=now)
    for stream, read_back in work.witnessed.items():
        await outbox.witness(db, stream, read_back)
    await note_receipts.note(db, judge, _reached(work, found), now)
    counted = [one.record for one in found if one.record and one.decision and one.decision.outcome is Outcome.COUNTED]
    await note_receipts.take(db, judge.node, counted, now)
    await write_decisions(db, found, now)


def _reached(work: _Work, found: Sequence[Arrival]) -> Iterable[Reached]:
    for one in found:
        if one.decision is not None and (record := _past_seven(one)) is not None:
            yield Reached(
                record=record, decision=one.decision, grant=_grant(work, one), waited=one.pending_id is not None
            )


async def _write_positions(
    db: AsyncConnection, work: _Work, found: Sequence[Arrival], positions: dict[str, int]
) -> None:
    rows = []
    places = {one.topic: one.place for one in found}
    for topic, position in positions.items():
        place = places[topic]
        view = work.views.get(place)
        highest = view.highest if view is not None else await read_positions.highest(db, topic)
        rows.append((topic, place, position, highest))
    await read_positions.put(db, rows)
    for place, view in work.views.items():
        if place not in {places[topic] for topic in positions}:
            await read_positions.raise_highest(db, place, view.highest)
