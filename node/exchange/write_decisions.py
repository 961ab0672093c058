"""Writes what became of records: messages with their indexes, notes, what waits, the quarantine, and counts.

One transaction of `ingest`; chain, positions and receipts are written there.
"""

from collections import Counter
from collections.abc import Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from node.exchange.arrival import Arrival
from node.stages import Decision, Outcome
from node.store import counters, messages, pending_records, quarantine, quarantine_retry, withheld_notes
from node.verification.steps import step_of

log = structlog.get_logger()


async def write_decisions(db: AsyncConnection, found: Sequence[Arrival], now: int) -> None:
    """Write what each record came to; each has its decision."""
    by_outcome: dict[Outcome, list[tuple[Arrival, Decision]]] = {}
    for one in found:
        if one.decision is None:
            raise AssertionError("every record ends with a decision")
        by_outcome.setdefault(one.decision.outcome, []).append((one, one.decision))
    await messages.add(db, [_holding(decision) for _, decision in by_outcome.get(Outcome.STORED, ())], now)
    await withheld_notes.add(db, [_withheld(*pair) for pair in by_outcome.get(Outcome.WITHHELD, ())], now)
    waiting = [*by_outcome.get(Outcome.WAITING, ()), *by_outcome.get(Outcome.HELD, ())]
    await pending_records.put(db, [_pending(one, decision, now) for one, decision in waiting])
    still = {one.pending_id for one, _ in waiting}
    await pending_records.drop(db, {one.pending_id for one in found if one.pending_id is not None} - still)
    refused = by_outcome.get(Outcome.REJECTED, ())
    rejected = [_quarantined(*pair) for pair in refused if pair[0].quarantine_id is None]
    repeated = await quarantine.add(db, rejected, now)
    again = [_quarantined(*pair) for pair in refused if pair[0].quarantine_id is not None]
    await quarantine_retry.keep(db, again)
    looked_at = {one.quarantine_id for one in found if one.quarantine_id is not None}
    await quarantine_retry.drop(db, looked_at - {row.id for row in again})
    repeated += sum(one.quarantine_id is None for one, _ in by_outcome.get(Outcome.DUPLICATE, ()))
    counted = Counter(
        {
            "duplicate": repeated,
            "not_addressed": len(by_outcome.get(Outcome.NOT_ADDRESSED, ())),
        }
    )
    counted.update(f"verified_{decision.code}" for _, decision in by_outcome.get(Outcome.COUNTED, ()))
    await counters.increase(db, counted)
    for row in rejected:
        log.warning(
            "record_quarantined",
            code=row.code,
            step=row.step,
            topic=row.topic,
            position=row.position,
            sequence=row.sequence,
        )


def _holding(decision: Decision) -> messages.Holding:
    if decision.opened is None:
        raise AssertionError("what is stored was opened")
    return messages.Holding(opened=decision.opened, agreement=decision.agreement, clause=decision.clause)


def _withheld(one: Arrival, decision: Decision) -> withheld_notes.WithheldMessage:
    if one.record is None or decision.code is None:
        raise AssertionError("what is withheld was verified and has a code")
    return withheld_notes.WithheldMessage(
        place=one.place,
        sequence=one.record.sequence,
        message_id=one.record.header.message_id,
        code=decision.code,
        agreement=decision.agreement,
        clause=decision.clause,
        reason=decision.reason,
    )


def _pending(one: Arrival, decision: Decision, now: int) -> pending_records.PendingRecord:
    record = one.record
    sealing = record.header.sealing if record is not None else None
    return pending_records.PendingRecord(
        id=one.pending_id or 0,
        topic=one.topic,
        position=one.position,
        place=one.place,
        sequence=record.sequence if record is not None else 0,
        message_id=record.header.message_id if record is not None else None,
        outcome=decision.outcome.value,
        reason=decision.code or "",
        grant=sealing.grant if sealing is not None else None,
        due_at=decision.due_at,
        placed=one.placed,
        value=one.value or b"",
        received_at=now,
    )


def _quarantined(one: Arrival, decision: Decision) -> quarantine.RejectedRecord:
    code = decision.code or ""
    return quarantine.RejectedRecord(
        code=code,
        step=step_of(code),
        detail=decision.reason,
        topic=one.topic,
        place=one.place,
        position=one.position,
        sequence=one.record.sequence if one.record is not None else None,
        value=one.value or b"",
        placed=one.placed,
    )
