"""Reads what the decisions of one ingest depend on: gives the records their places in memory, and loads their grants.

A function of the reading transaction of `ingest`. The rules of a place are those of node/verification/chain.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from node.database.engine import Transaction
from node.exchange.arrival import Arrival
from node.exchange.date_arrivals import date_arrivals
from node.exchange.own_arrivals import note_foreign
from node.exchange.placing import Placing, grant_key
from node.integrity import clock_corrections
from node.stages import Decision, Outcome, StreamId, Verified
from node.store import chains, granted_parts, ingest_lock, received_grants, stored_leaves
from node.undecided import pending_records, quarantine, usage
from node.undecided.usage import UsageByBudget
from node.verification.chain import id_reused
from node.verification.judge import Judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one look at the store found."""

    versions: dict[str, int]
    """The versions that the result depends on."""

    undecided: Sequence[Arrival]
    """The arrivals to decide about."""

    used: UsageByBudget


def place_arrivals(db: Transaction, placing: Placing, arrivals: Sequence[Arrival], judge: Judge, now: int) -> Seen:
    """Give the records their places in the chains, in memory; load the grants that they name."""
    originators = {arrival.place.originator for arrival in arrivals}
    versions = ingest_lock.versions(db, originators)
    undecided = _undecided(db, arrivals)
    _note_kept(db, undecided)
    _load_views(db, placing, undecided)
    for arrival in undecided:
        if arrival.record is not None and not arrival.placed:
            placing.place(arrival, arrival.record)
        elif arrival.record is not None and arrival.quarantine_id is not None:
            _check_id(db, arrival, arrival.record)
    _take_up_lost(db, placing)
    note_foreign(db, placing, undecided, judge)
    date_arrivals(db, placing, undecided, now)
    keys = [key for arrival in undecided if arrival.own is None and (key := grant_key(arrival)) is not None]
    placing.known_grants = received_grants.decisive(db, keys)
    for arrival in undecided:
        if arrival.repeated and (key := grant_key(arrival)) is not None and placing.grant(arrival) is None:
            arrival.grant_left = granted_parts.is_placed(db, key[0], key[2])
    return Seen(versions=versions, undecided=undecided, used=usage.of(db, originators))


def _take_up_lost(db: Transaction, placing: Placing) -> None:
    """Decide again about leaves that have their place in the chain, and of which the store has no row."""
    for stream, repeated in placing.repeated.items():
        stored = stored_leaves.present(db, stream, {record.sequence for record, _ in repeated})
        for record, arrival in repeated:
            if record.sequence not in stored:
                stored.add(record.sequence)
                arrival.decision, arrival.placed, arrival.repeated = None, True, True
                placing.take_grant(arrival.place, record, late=True)
                _check_id(db, arrival, record)


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


def _note_kept(db: Transaction, arrivals: Sequence[Arrival]) -> None:
    """Find those among the refused records of which the quarantine has the bytes already."""
    refused = {
        quarantine.id_of(arrival.topic, arrival.value or b""): arrival
        for arrival in arrivals
        if arrival.is_new and arrival.decision is not None and arrival.decision.outcome is Outcome.REJECTED
    }
    for id_ in quarantine.present(db, refused.keys()):
        refused[id_].kept_before = True


def _load_views(db: Transaction, placing: Placing, arrivals: Sequence[Arrival]) -> None:
    by_place: dict[StreamId, list[Verified]] = {}
    for arrival in arrivals:
        if arrival.record is not None and not arrival.placed:
            by_place.setdefault(arrival.place, []).append(arrival.record)
    for place, records in by_place.items():
        placing.views[place] = view = chains.load(db, place, records)
        clock_corrections.apply(db, place, view, records)


def _check_id(db: Transaction, arrival: Arrival, record: Verified) -> None:
    """Step 10 for a record that has its place already: the first record with an id keeps it."""
    used_at = chains.id_used_at(db, arrival.place, record.header.message_id)
    if used_at not in (None, record.sequence):
        arrival.decision = Decision.rejected(id_reused(used_at))
