"""Receipts: one byte for each leaf of a batch, what it says, and the bodies that carry it ("Receipts").

Pure. A node tells originators what became of their messages and grants, nobody else's business: no clause, no words,
no hit. Failures to open (14 to 16) look alike from outside; code and detail stay in the recipient's own store.
`node.store.receipts_due` keeps what is due, and `node.exchange.seal_receipts` seals it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from node.sharing.grants import own_entry
from node.stages import Decision, Grant, NotAddressed, Outcome, Verified, Waiting
from node.verification.kinds import OPEN_KINDS
from node.verification.steps import OPENING_STEPS, REJECTION_BYTES, step_of
from schemas.avro import codec
from schemas.types import Receipt, ReceiptItem

NOT_ADDRESSED: Final = 0
NOT_ARRIVED: Final = 1
STORED: Final = 64
WITHHELD: Final = 65
WAITING: Final = 66
HELD: Final = 67
ITEMS_MAX: Final = 240  # in one receipt: 240 batches of 1,024 leaves fill a record

_OF_OUTCOME: Final[Mapping[Outcome, int]] = {
    Outcome.STORED: STORED,
    Outcome.WITHHELD: WITHHELD,
    Outcome.WAITING: WAITING,
    Outcome.HELD: HELD,
    Outcome.NOT_ADDRESSED: NOT_ADDRESSED,
    Outcome.COUNTED: STORED,
}
_SAYS: Final[Mapping[int, str]] = {STORED: "stored", WITHHELD: "withheld", WAITING: "waiting", HELD: "held"}
OUTSTANDING: Final = "outstanding"


def is_told(record: Verified, node: str) -> bool:
    """Whether receipts speak of records of this kind: messages and grants of others."""
    if record.batch.originator == node:
        return False
    kind = OPEN_KINDS.get(record.batch.stream)
    return kind is None or kind.receipts


def outcome_of(
    record: Verified, decision: Decision, *, grant: Grant | None, node: str, holds: Callable[[bytes], bool]
) -> int | None:
    """The byte for a leaf past step 7; None for a duplicate, of which nothing new is to be said.

    `grant` is the one that a message names, if it is here: without it a message may be for this node.
    """
    if decision.outcome is Outcome.DUPLICATE:
        return None
    entry = _entry(record, grant, node, holds)
    if isinstance(entry, NotAddressed):
        return NOT_ADDRESSED
    if decision.outcome is Outcome.REJECTED:
        return REJECTION_BYTES[step_of(decision.code or "")]
    if record.grant is not None and decision.outcome is Outcome.COUNTED and isinstance(entry, Waiting):
        return WAITING
    return _OF_OUTCOME[decision.outcome]


def _entry(record: Verified, grant: Grant | None, node: str, holds: Callable[[bytes], bool]) -> object:
    """The own entry for this record as `own_entry` says; None if no grant tells."""
    if record.grant is not None:
        grant = Grant(
            originator=record.batch.originator,
            sequence=record.sequence,
            sealed_at=record.batch.sealed_at,
            body=record.grant,
        )
    elif grant is None or (sealing := record.header.sealing) is None:
        return None
    elif grant.body.audience_key_id != sealing.audience_key_id:
        return None  # the grant at that place is of another key: it says nothing of this message
    return own_entry(grant, node, holds)


def meaning(byte: int) -> tuple[str, int | None]:
    """What a byte says of a message: outcome and, of a rejected one, the step. What says nothing is outstanding."""
    if (step := REJECTION_BYTES.get(byte)) is not None:
        return "rejected", step
    return _SAYS.get(byte, OUTSTANDING), None


def claims_entry(outcomes: bytes) -> bool:
    """Whether it says of some leaf what only who has an entry in its grant can say.

    The others are from one for whom the grant was not here yet: it cannot know that the message is not for it.
    """
    return any(byte in (STORED, WITHHELD) or byte in OPENING_STEPS for byte in outcomes)


def bodies(originator: str, stream: str, outcomes: Iterable[tuple[bytes, bytes]]) -> list[Receipt]:
    """Receipts for (batch hash, outcomes) of one stream, no batch twice."""
    items = [ReceiptItem(batch=batch, outcomes=told) for batch, told in outcomes]
    return [
        Receipt(originator=originator, stream=stream, items=codec.sorted_set(some))
        for some in _in_parts(items, ITEMS_MAX)
    ]


def _in_parts(items: list[ReceiptItem], size: int) -> Iterable[list[ReceiptItem]]:
    return (items[start : start + size] for start in range(0, len(items), size))
