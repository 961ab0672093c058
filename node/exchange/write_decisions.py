"""Writes the decisions about records: messages, withheld notes, pending records, the quarantine and counters.

Part of the transaction of `ingest`, which writes chain, positions and receipts itself.
"""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import structlog

from node.database.engine import Transaction
from node.exchange.arrival import Arrival
from node.exchange.quotas import budget_of
from node.exchange.tally_decisions import tally_decisions
from node.reports.kept_forms import kept_terms
from node.reports.search_terms import SearchTerms
from node.stages import Decision, Opened, Outcome
from node.store import access_log, counters, messages, withheld_notes
from node.store.access_log import Operation, erasure_detail
from node.store.messages import Holding
from node.store.withheld_notes import WithheldMessage
from node.undecided import pending_records, quarantine, quarantine_retry
from node.undecided.pending_records import PendingRecord
from node.undecided.quarantine import RejectedRecord
from node.undecided.usage import Budget
from node.verification.kinds import read_stored, terms_of
from node.verification.steps import step_of
from schemas.types import Header

log = structlog.get_logger()

Decided = tuple[Arrival, Decision]


def write_decisions(db: Transaction, arrivals: Sequence[Arrival], now: int) -> None:
    """Write the decision of each arrival; each has one."""
    by_outcome: dict[Outcome, list[Decided]] = {}
    for arrival in arrivals:
        if arrival.decision is None:
            raise AssertionError("every record ends with a decision")
        if not arrival.deferred:
            by_outcome.setdefault(arrival.decision.outcome, []).append((arrival, arrival.decision))
    holdings = [_holding(*pair) for pair in by_outcome.get(Outcome.STORED, ())]
    messages.add(db, holdings, now)
    withheld_notes.add(db, [_withheld(*pair) for pair in by_outcome.get(Outcome.WITHHELD, ())], now)
    waiting = [*by_outcome.get(Outcome.WAITING, ()), *by_outcome.get(Outcome.HELD, ())]
    _write_pending(db, arrivals, waiting, now)
    repeated = _write_quarantine(db, arrivals, by_outcome.get(Outcome.REJECTED, ()), now)
    repeated += sum(
        arrival.quarantine_id is None and not arrival.read_again for arrival, _ in by_outcome.get(Outcome.DUPLICATE, ())
    )
    counted = Counter(
        {
            "duplicate": repeated,
            "not_addressed": len(by_outcome.get(Outcome.NOT_ADDRESSED, ())),
        }
    )
    counted.update(f"verified_{decision.code}" for _, decision in by_outcome.get(Outcome.COUNTED, ()))
    counted.update(tally_decisions(by_outcome, holdings, now))
    counters.increase(db, counted)


def _write_pending(db: Transaction, arrivals: Sequence[Arrival], waiting: Sequence[Decided], now: int) -> None:
    pending_records.put(db, [_pending(arrival, decision, now) for arrival, decision in waiting])
    still_waiting = {arrival.pending_id for arrival, _ in waiting}
    waited = {arrival.pending_id for arrival in arrivals if arrival.pending_id is not None}
    pending_records.drop(db, waited - still_waiting)


def _write_quarantine(db: Transaction, arrivals: Sequence[Arrival], refused: Sequence[Decided], now: int) -> int:
    """Returns how many newly rejected records were in quarantine already."""
    new = [
        _rejected(arrival, decision)
        for arrival, decision in refused
        if arrival.quarantine_id is None and not (arrival.read_again and arrival.kept_before)
    ]
    again = [_rejected(*pair) for pair in refused if pair[0].quarantine_id is not None]
    repeated = quarantine.add(db, new, now)
    quarantine_retry.keep(db, again)
    retried = {arrival.quarantine_id for arrival in arrivals if arrival.quarantine_id is not None}
    quarantine_retry.drop(db, retried - {record.id for record in again})
    _log(new)
    return repeated


def _log(refused: Sequence[RejectedRecord]) -> None:
    """One event for each topic and code, with the first record and how many there are."""
    groups: dict[tuple[str, str], list[RejectedRecord]] = {}
    for record in refused:
        groups.setdefault((record.topic, record.code), []).append(record)
    for (topic, code), records in groups.items():
        first = records[0]
        log.warning(
            "record_quarantined",
            code=code,
            step=first.step,
            topic=topic,
            position=first.position,
            sequence=first.sequence,
            records=len(records),
        )


def _holding(arrival: Arrival, decision: Decision) -> Holding:
    if decision.opened is None:
        raise AssertionError("a stored message was opened")
    return Holding(
        opened=decision.opened,
        terms=_terms(arrival, decision.opened),
        agreement=decision.agreement,
        clause=decision.clause,
    )


def _terms(arrival: Arrival, opened: Opened) -> SearchTerms:
    """What a message is found by; for an own record that was not decoded they are known since its intake."""
    if arrival.own is not None and (known := kept_terms(arrival.own.terms)) is not None:
        return known
    return terms_of(opened.content or read_stored(opened.payload))


def _withheld(arrival: Arrival, decision: Decision) -> WithheldMessage:
    if arrival.record is None or decision.code is None:
        raise AssertionError("a withheld message was verified and has a code")
    return WithheldMessage(
        place=arrival.place,
        sequence=arrival.record.sequence,
        message_id=arrival.record.header.message_id,
        code=decision.code,
        agreement=decision.agreement,
        clause=decision.clause,
        reason=decision.reason,
        position=arrival.position,
        expires_at=arrival.record.header.expires_at,
    )


def _pending(arrival: Arrival, decision: Decision, now: int) -> PendingRecord:
    record = arrival.record
    sealing = record.header.sealing if record is not None else None
    return PendingRecord(
        id=arrival.pending_id or 0,
        topic=arrival.topic,
        position=arrival.position,
        place=arrival.place,
        sequence=record.sequence if record is not None else 0,
        message_id=record.header.message_id if record is not None else None,
        outcome=decision.outcome.value,
        reason=decision.code or "",
        grant=sealing.grant if sealing is not None else None,
        due_at=decision.due_at,
        placed=arrival.placed,
        value=arrival.value or b"",
        received_at=now,
        budget=budget_of(decision) or Budget.WAITING,
    )


def _rejected(arrival: Arrival, decision: Decision) -> RejectedRecord:
    code = decision.code or ""
    return RejectedRecord(
        code=code,
        step=step_of(code),
        detail=decision.reason,
        topic=arrival.topic,
        place=arrival.place,
        position=arrival.position,
        sequence=arrival.record.sequence if arrival.record is not None else None,
        value=arrival.value or b"",
        placed=arrival.placed,
        budget=budget_of(decision) or Budget.REFUSED,
    )


def erased_headers(arrivals: Sequence[Arrival]) -> list[Header]:
    """The headers of the kept records that expired before they could be stored: their bytes are deleted."""
    return [
        arrival.record.header
        for arrival in arrivals
        if not arrival.is_new and arrival.record is not None and arrival.decision is not None
        if arrival.decision.outcome is Outcome.WITHHELD and arrival.decision.code == "expired"
    ]


def log_erasures(db: Transaction, node: str, arrivals: Sequence[Arrival], now: int) -> None:
    """Note in the access log the records of `erased_headers`; last in the transaction, because of its lock."""
    erased = erased_headers(arrivals)
    subjects = [(str(UUID(bytes=header.message_id)), erasure_detail(header.expires_at)) for header in erased]
    access_log.add(db, Operation.ERASURE, actor=node, subjects=subjects, now=now)
