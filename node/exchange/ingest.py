"""Decides about records and stores the decisions, the chain and the reading positions in one transaction.

- Reading the log is the task of `subscribe`, looking again at kept records that of `retry`; both call `ingest`.
- What this process sealed and reads back with the same bytes takes its place without being verified, opened or decoded
  again (own_records.py).
- A crash loses nothing and stores nothing twice, as position and data are committed together.
- If another process ingested records of the same originators after this one read, the result is discarded and computed
  again (node/store/ingest_lock.py).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from node.database.engine import Store, Transaction
from node.exchange import write_receipts
from node.exchange.arrival import Arrival
from node.exchange.placing import Placing, grant_key
from node.exchange.write_decisions import write_decisions
from node.exchange.write_findings import witness, write_findings
from node.exchange.write_receipts import DecidedRecord
from node.stages import Decision, Grant, Outcome, StreamId, Verified
from node.store import (
    chains,
    ingest_lock,
    pending_records,
    quarantine,
    read_positions,
    received_grants,
)
from node.verification.chain import id_reused
from node.verification.judge import Judge


async def ingest(
    store: Store, judge: Judge, arrivals: Sequence[Arrival], *, positions: dict[str, int], now: int
) -> list[Grant]:
    """Decide about `arrivals`, in their order, and store the decisions with `positions` (topic -> where to go on).

    Returns the grants that are new here. Raises Unavailable with nothing written.
    """
    authenticated = [(_authenticate(judge, arrival), arrival.placed) for arrival in arrivals]
    while True:
        for arrival, (answer, placed) in zip(arrivals, authenticated, strict=True):
            arrival.record, arrival.decision = (None, answer) if isinstance(answer, Decision) else (answer, None)
            arrival.placed = placed
        placing = Placing(node=judge.node)
        versions, undecided = await store.read(partial(_place, placing=placing, arrivals=arrivals))
        for arrival in undecided:
            if arrival.decision is None and arrival.record is not None:
                arrival.decision = _decide(judge, arrival, arrival.record, placing, now)
        write = partial(_write, judge=judge, placing=placing, arrivals=undecided, positions=positions, now=now)
        if await store.write(partial(_write_if_current, versions=versions, write=write)):
            return list(placing.new_grants.values())


def _authenticate(judge: Judge, arrival: Arrival) -> Verified | Decision:
    """Steps 1 to 7. What this process sealed was verified before it left."""
    return arrival.own.verified if arrival.own is not None else judge.authenticate(arrival.value, arrival.place)


def _decide(judge: Judge, arrival: Arrival, record: Verified, placing: Placing, now: int) -> Decision:
    """Steps 11 to 17."""
    if arrival.own is not None:
        return judge.decide_own(record, arrival.own.opened, now=now)
    return judge.decide(record, grant=placing.grant(arrival), now=now)


def _place(db: Transaction, placing: Placing, arrivals: Sequence[Arrival]) -> tuple[dict[str, int], Sequence[Arrival]]:
    """Give the records their places in the chains, in memory; load the grants that they name.

    Returns the versions that this depends on, and the arrivals to decide about.
    """
    versions = ingest_lock.versions(db, {arrival.place.originator for arrival in arrivals})
    undecided = _undecided(db, arrivals)
    _load_views(db, placing, undecided)
    for arrival in undecided:
        if arrival.record is not None and not arrival.placed:
            placing.place(arrival, arrival.record)
        elif arrival.record is not None and arrival.quarantine_id is not None:
            _check_id(db, arrival, arrival.record)
    keys = [key for arrival in undecided if arrival.own is None and (key := grant_key(arrival)) is not None]
    placing.known_grants = received_grants.decisive(db, keys)
    return versions, undecided


def _undecided(db: Transaction, arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Without the kept records that another process has decided meanwhile: those count as duplicates."""
    ids = {arrival.pending_id for arrival in arrivals if arrival.pending_id is not None}
    pending = pending_records.present(db, ids)
    refused_ids = {arrival.quarantine_id for arrival in arrivals if arrival.quarantine_id is not None}
    refused = quarantine.present(db, refused_ids)
    undecided = []
    for arrival in arrivals:
        if arrival.is_new or arrival.pending_id in pending or arrival.quarantine_id in refused:
            undecided.append(arrival)
        else:
            arrival.decision = Decision(outcome=Outcome.DUPLICATE)
    return undecided


def _load_views(db: Transaction, placing: Placing, arrivals: Sequence[Arrival]) -> None:
    by_place: dict[StreamId, list[Verified]] = {}
    for arrival in arrivals:
        if arrival.record is not None and not arrival.placed:
            by_place.setdefault(arrival.place, []).append(arrival.record)
    for place, records in by_place.items():
        placing.views[place] = chains.load(db, place, records)


def _check_id(db: Transaction, arrival: Arrival, record: Verified) -> None:
    """Step 10 for a record that has its place already: the first record with an id keeps it."""
    used_at = chains.id_used_at(db, arrival.place, record.header.message_id)
    if used_at not in (None, record.sequence):
        arrival.decision = Decision.rejected(id_reused(used_at))


def _write_if_current(db: Transaction, versions: dict[str, int], write: Callable[[Transaction], None]) -> bool:
    """Write unless another process ingested records of these originators since the `versions` were read."""
    if not ingest_lock.advance(db, versions):
        return False
    write(db)
    return True


def _write(
    db: Transaction,
    judge: Judge,
    placing: Placing,
    arrivals: Sequence[Arrival],
    positions: dict[str, int],
    now: int,
) -> None:
    for place, view in placing.views.items():
        chains.put(db, place, view)
    received_grants.put(db, placing.new_grants)
    _write_positions(db, placing, arrivals, positions)
    write_findings(db, placing, now)
    witness(db, placing, now)
    write_receipts.write_due(db, judge, _decided(placing, arrivals), now)
    counted = [
        arrival.record
        for arrival in arrivals
        if arrival.record and arrival.decision and arrival.decision.outcome is Outcome.COUNTED
    ]
    write_receipts.write_received(db, judge.node, counted, now)
    write_decisions(db, arrivals, now)


def _decided(placing: Placing, arrivals: Sequence[Arrival]) -> Iterable[DecidedRecord]:
    for arrival in arrivals:
        if arrival.decision is not None and (record := arrival.verified) is not None:
            yield DecidedRecord(
                record=record,
                decision=arrival.decision,
                grant=placing.grant(arrival),
                waited=arrival.pending_id is not None,
            )


def _write_positions(db: Transaction, placing: Placing, arrivals: Sequence[Arrival], positions: dict[str, int]) -> None:
    rows = []
    places = {arrival.topic: arrival.place for arrival in arrivals}
    for topic, position in positions.items():
        place = places[topic]
        view = placing.views.get(place)
        highest = view.highest if view is not None else read_positions.highest(db, topic)
        rows.append((topic, place, position, highest))
    read_positions.put(db, rows)
    for place, view in placing.views.items():
        if place not in {places[topic] for topic in positions}:
            read_positions.raise_highest(db, place, view.highest)
