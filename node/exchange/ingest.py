"""Decides about records and stores the decisions, the chain and the reading positions in one transaction.

- Reading the log is the task of `subscribe`, looking again at kept records that of `retry`; both call `ingest`.
- What this process sealed and reads back with the same bytes takes its place without being verified, opened or decoded
  again (own_records.py).
- The event loop gets a turn between two records (slices.py), so a daemon can stop while it decides.
- A crash loses nothing and stores nothing twice, as position and data are committed together.
- If another process ingested records of the same originators after this one read, the result is discarded and computed
  again (node/store/ingest_lock.py).
- A duplicate is a leaf that has its place in the chain and is stored here. A leaf that has its place and no row is
  decided again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from node.database.engine import Store, Transaction
from node.exchange import write_receipts
from node.exchange.arrival import Arrival
from node.exchange.date_arrivals import write_corrections
from node.exchange.place_arrivals import place_arrivals
from node.exchange.placing import Placing
from node.exchange.quotas import defer_above_budget
from node.exchange.slices import Slices
from node.exchange.write_decisions import erased_headers, log_erasures, write_decisions
from node.exchange.write_deferred import write_deferred
from node.exchange.write_findings import witness, write_findings, write_foreign_keys
from node.exchange.write_receipts import DecidedRecord
from node.primitives import digest
from node.stages import Decision, Outcome, Verified
from node.store import chains, counters, ingest_lock, read_positions, received_grants
from node.undecided import deferred_positions, usage
from node.undecided.usage import Budget
from node.verification.judge import Judge
from node.verification.new_grants import ArrivedGrant


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """The positions `first` to before `end` of a topic: they were deferred, and the log was read there again."""

    topic: str
    first: int
    end: int


async def ingest(
    store: Store,
    judge: Judge,
    arrivals: Sequence[Arrival],
    *,
    positions: dict[str, int],
    now: int,
    reread: Reread | None = None,
) -> list[ArrivedGrant]:
    """Decide about `arrivals`, in their order, and store the decisions with `positions` (topic -> where to go on).

    With `reread` the arrivals are those of its positions, which are then no longer deferred.
    Returns the grants that are new here. Raises Unavailable with nothing written.
    """
    slices = Slices()
    authenticated = [(await _authenticate(judge, arrival, slices), arrival.placed) for arrival in arrivals]
    while True:
        for arrival, (answer, placed) in zip(arrivals, authenticated, strict=True):
            arrival.record, arrival.decision = (None, answer) if isinstance(answer, Decision) else (answer, None)
            arrival.placed, arrival.deferred = placed, False
        placing = Placing(node=judge.node)
        seen = await store.read(partial(place_arrivals, placing=placing, arrivals=arrivals, judge=judge, now=now))
        for arrival in seen.undecided:
            if arrival.decision is None and arrival.record is not None:
                arrival.decision = await _decide(judge, arrival, arrival.record, placing, now, slices)
        defer_above_budget(seen.undecided, seen.used)
        write = partial(
            _write, judge=judge, placing=placing, arrivals=seen.undecided, positions=positions, now=now, reread=reread
        )
        whole = partial(
            _write_if_current, versions=seen.versions, write=write, node=judge.node, arrivals=seen.undecided, now=now
        )
        if await store.write(whole):
            return placing.new_grants.arrived


async def _authenticate(judge: Judge, arrival: Arrival, slices: Slices) -> Verified | Decision:
    """Steps 1 to 7. What this process sealed was verified before it left."""
    if slices.is_used_up:
        await slices.rest()
    return arrival.own.verified if arrival.own is not None else judge.authenticate(arrival.value, arrival.place)


async def _decide(
    judge: Judge, arrival: Arrival, record: Verified, placing: Placing, now: int, slices: Slices
) -> Decision:
    """Steps 11 to 17. A repeated leaf that again gets no row, or whose grant has left, is a duplicate."""
    if arrival.foreign and (unsent := judge.decide_unsent()) is not None:
        return unsent
    if slices.is_used_up:
        await slices.rest()
    if arrival.own is not None:
        decision = judge.decide_own(record, arrival.own.opened, now=now, dated=arrival.dated)
    else:
        decision = judge.decide(record, grant=placing.grant(arrival), now=now, dated=arrival.dated)
    if arrival.repeated and decision.outcome in (Outcome.NOT_ADDRESSED, Outcome.COUNTED):
        return Decision(outcome=Outcome.DUPLICATE)
    if arrival.grant_left and decision.outcome is Outcome.WAITING:
        return Decision(outcome=Outcome.DUPLICATE)
    return decision


def _write_if_current(
    db: Transaction,
    versions: dict[str, int],
    write: Callable[[Transaction], None],
    *,
    node: str,
    arrivals: Sequence[Arrival],
    now: int,
) -> bool:
    """Write unless another process ingested records of these originators since the `versions` were read."""
    if not ingest_lock.advance(db, versions):
        return False
    with usage.gathered(db):
        write(db)
    log_erasures(db, node, arrivals, now)
    return True


def _write(
    db: Transaction,
    judge: Judge,
    placing: Placing,
    arrivals: Sequence[Arrival],
    positions: dict[str, int],
    now: int,
    reread: Reread | None,
) -> None:
    taken = [(place.originator, Budget.CHAIN, chains.put(db, place, view)) for place, view in placing.views.items()]
    usage.add(db, taken)
    received_grants.put(db, placing.new_grants.by_key.values(), placing.new_grants.loose)
    _write_positions(db, placing, arrivals, positions)
    write_findings(db, placing, now)
    write_foreign_keys(db, judge, placing, now)
    witness(db, placing, now)
    write_corrections(db, placing, now)
    write_receipts.write_due(db, judge, _decided(placing, arrivals), now)
    counted = [
        arrival.record
        for arrival in arrivals
        if arrival.record and arrival.decision and arrival.decision.outcome is Outcome.COUNTED
    ]
    write_receipts.write_received(db, judge.node, counted, now)
    write_decisions(db, arrivals, now)
    counters.increase(db, {counters.ERASED: len(erased_headers(arrivals))})
    if reread is not None:
        deferred_positions.forget(db, reread.topic, reread.first, reread.end)
    write_deferred(db, arrivals, now)


def _decided(placing: Placing, arrivals: Sequence[Arrival]) -> Iterable[DecidedRecord]:
    for arrival in arrivals:
        if arrival.deferred and arrival.record is None:
            continue  # no row and no place: an outcome would be a row that a withdrawn key can add without a limit
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
    last = {arrival.topic: arrival for arrival in arrivals}
    for topic, position in positions.items():
        place = places[topic]
        view = placing.views.get(place)
        highest = view.highest if view is not None else read_positions.highest(db, topic)
        rows.append((topic, place, position, highest, digest(last[topic].value or b""), last[topic].appended_at))
    read_positions.put(db, rows)
    for place, view in placing.views.items():
        if place not in {places[topic] for topic in positions}:
            read_positions.raise_highest(db, place, view.highest)
