"""Which own records recipients rejected: faults, until the recipient can store the record or an operator has decided.

Receipts say it (node/exchange/write_receipts.py). The first few of each recipient are noted; `receipts` has all.
"""

from collections.abc import Collection, Iterable
from typing import Final

from node.database.engine import Transaction
from node.outgoing import standing_faults
from node.outgoing.standing_faults import StandingFault
from node.verification.receipt_bytes import meaning

REJECTED: Final = "report_rejected"
REJECTIONS_NOTED_MAX: Final = 10  # of one recipient, so that it cannot fill the table


def note(db: Transaction, recipient: str, stream: str, outcomes: Iterable[tuple[int, bytes]], now: int) -> None:
    """Note what a receipt of `recipient` says about own batches: (first sequence, outcomes of the leaves) of each."""
    standing = _standing(db)
    room = REJECTIONS_NOTED_MAX - sum(subject.startswith(f"{recipient} ") for subject in standing)
    new, ended = list[StandingFault](), list[str]()
    for first, leaves in outcomes:
        for sequence, byte in enumerate(leaves, first):
            outcome, step = meaning(byte)
            subject = _subject(recipient, stream, sequence)
            if outcome != "rejected" and subject in standing:
                ended.append(subject)
            elif outcome == "rejected" and subject not in standing and len(new) < room:
                message = f"{recipient} rejected sequence {sequence} of {stream} at step {step}"
                new.append(StandingFault(code=REJECTED, subject=subject, since=now, message=message))
    standing_faults.put(db, new)
    standing_faults.end(db, REJECTED, ended)


def settle(db: Transaction, records: Collection[tuple[str, int]]) -> None:
    """An operator has decided about the own records (stream, sequence)."""
    places = {f"{stream} {sequence}" for stream, sequence in records}
    ended = [subject for subject in _standing(db) if subject.partition(" ")[2] in places]
    standing_faults.end(db, REJECTED, ended)


def _standing(db: Transaction) -> set[str]:
    return {fault.subject for fault in standing_faults.standing(db) if fault.code == REJECTED}


def _subject(recipient: str, stream: str, sequence: int) -> str:
    return f"{recipient} {stream} {sequence}"
