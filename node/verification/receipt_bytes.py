"""The content of receipts: one byte for each leaf of a batch, and the bodies that carry the bytes ("Receipts").

Pure. A receipt gives the originator one outcome per leaf and nothing else: no clause, no text, no search result. Steps
14 to 16 have the same byte; code and detail stay in the recipient's own store.
`node.store.receipts_due` keeps what is due, and `node.sending.seal_receipts` seals it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from node.sharing.grants import own_entry
from node.stages import Decision, Grant, NotAddressed, Outcome, Verified, Waiting
from node.verification.kinds import OPEN_KINDS
from node.verification.steps import OPENING_BYTES, REJECTION_BYTES, STEP_OF_BYTE, step_of
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
_OUTCOME_OF: Final[Mapping[int, str]] = {STORED: "stored", WITHHELD: "withheld", WAITING: "waiting", HELD: "held"}
OUTSTANDING: Final = "outstanding"


def gets_receipt(record: Verified, node: str) -> bool:
    """Whether this node sends receipts about `record`: a message or a grant of another node."""
    if record.batch.originator == node:
        return False
    kind = OPEN_KINDS.get(record.batch.stream)
    return kind is None or kind.receipts


def outcome_of(
    record: Verified, decision: Decision, *, grant: Grant | None, node: str, holds: Callable[[bytes], bool]
) -> int | None:
    """The byte for a leaf past step 7; None for a duplicate, as the byte of its first arrival still holds.

    So it does for a message that expired while it waited: it may be addressed to others.

    `grant` is the grant that a message names, if it is here. Without it the message may be addressed to this node.
    """
    if decision.outcome is Outcome.DUPLICATE or (decision.code == "expired" and decision.opened is None):
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
    """This node's entry for the record, as `own_entry` returns it; None if the grant is not known."""
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
        return None  # the grant at that place is for another key
    return own_entry(grant, node, holds)


def meaning(byte: int) -> tuple[str, int | None]:
    """The outcome that a byte stands for and, if it is `rejected`, the step. Every other byte is `outstanding`."""
    if (step := STEP_OF_BYTE.get(byte)) is not None:
        return "rejected", step
    return _OUTCOME_OF.get(byte, OUTSTANDING), None


def claims_entry(outcomes: bytes) -> bool:
    """Whether a byte is one that only a node with an entry in the grant can send.

    A node that does not have the grant yet cannot know whether a message is addressed to it, and may send the others.
    """
    return any(byte in (STORED, WITHHELD) or byte in OPENING_BYTES for byte in outcomes)


def bodies(originator: str, stream: str, outcomes: Iterable[tuple[bytes, bytes]]) -> list[Receipt]:
    """Receipts about one stream; `outcomes` are pairs of batch hash and bytes, with no batch twice."""
    items = [ReceiptItem(batch=batch, outcomes=leaf_bytes) for batch, leaf_bytes in outcomes]
    return [
        Receipt(originator=originator, stream=stream, items=codec.sorted_set(part))
        for part in _in_parts(items, ITEMS_MAX)
    ]


def _in_parts(items: list[ReceiptItem], size: int) -> Iterable[list[ReceiptItem]]:
    return (items[start : start + size] for start in range(0, len(items), size))
