"""The types of the stages that a message passes: draft, sealed, verified, opened, decision.

    Draft → SealedBatch → (broker.log.Entry) → Verified → Opened → Decision

Pure data: frozen, with tuples and bytes inside. A function that needs a verified record takes `Verified` and nothing
less. Each type has one maker, named in its docstring.
"""

from dataclasses import dataclass
from enum import StrEnum

from node.errors import Rejected
from node.primitives import ZERO_HASH
from schemas.types import (
    Batch,
    ClauseReference,
    Header,
    IntelligenceReport,
    KeyGrant,
    Labels,
    Receipt,
    Record,
    SealedMessage,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A validated report on its way into the outbox. Made only by `node.reports.validate.validate`."""

    report: IntelligenceReport
    payload: bytes
    """`report` as it will be sealed."""

    content_hash: bytes
    """SHA-256 of the canonical content: equal for equal reports of any region and day."""

    @property
    def report_id(self) -> str:
        """The id that identifies the report together with its originator and region."""
        return self.report.report_id

    @property
    def region(self) -> str:
        """The region in whose stream the report travels."""
        return self.report.region


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamId:
    """The stream and originator of the topic where a record was found; verification compares them with the batch."""

    stream: str
    originator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """Header and content of one message, before its batch is signed."""

    header: bytes
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHead:
    """The end of a stream of this originator, which the next batch continues."""

    next_sequence: int = 1
    batch_hash: bytes = ZERO_HASH
    sealed_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBatch:
    """A signed batch: the record values in sequence order, and the head after it."""

    stream: str
    first_sequence: int
    values: tuple[bytes, ...]
    head: StreamHead


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A record that passed steps 1 to 7. Made only by `verify`."""

    value: bytes
    sealed: SealedMessage
    batch: Batch
    batch_hash: bytes
    header: Header
    grant: KeyGrant | None = None
    """The body of a KEY_GRANT."""

    receipt: Receipt | None = None
    """The body of a RECEIPT. The bodies of other open types are checked and not kept."""

    @property
    def sequence(self) -> int:
        """Sequence of this message in its stream, from 1."""
        return self.batch.first_sequence + self.sealed.index

    @property
    def is_sealed_type(self) -> bool:
        """Whether the content is encrypted; the table of kinds says which types are."""
        return self.header.sealing is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A verified grant at its place in the originator's `keys` stream; of a grant in parts, the place of the last."""

    originator: str
    sequence: int
    sealed_at: int
    body: KeyGrant
    complete: bool = True
    """Whether all its parts are here (node/sharing/grant_parts.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message cannot be opened yet: `grant`, `private_key` or `agreement` is not here."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAddressed:
    """The grant is here and has no entry for this node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A message that passed steps 13 to 16: it is decrypted, and its labels agree with its payload."""

    verified: Verified
    labels: Labels
    content: Record | None
    """The decoded payload, of the type that the table of kinds gives (node/verification/kinds.py).

    None for a record that this process sealed itself: what is needed of it was derived when it was accepted.
    """

    payload: bytes
    """The payload as it was sealed."""

    clauses: tuple[ClauseReference, ...]
    """The clauses that this node's grant entry names; none if this node is the originator."""


class Outcome(StrEnum):
    """What becomes of a record; there are no other outcomes."""

    STORED = "stored"
    WITHHELD = "withheld"
    WAITING = "waiting"
    HELD = "held"
    DUPLICATE = "duplicate"
    NOT_ADDRESSED = "not_addressed"
    REJECTED = "rejected"
    COUNTED = "counted"
    """Verified, of a kind that is not stored as a message (node/verification/kinds.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a record, and why."""

    outcome: Outcome
    code: str | None = None
    reason: str = ""
    opened: Opened | None = None
    agreement: str | None = None
    clause: str | None = None
    due_at: int | None = None
    """When to look again at a held record, in ms."""

    traceless: Verified | None = None
    """A record that passed step 7 and that step 11 rejected: it takes no place, but a receipt reports it."""

    @classmethod
    def rejected(cls, error: Rejected, *, traceless: Verified | None = None) -> "Decision":
        """The decision about a record that failed a step."""
        return cls(outcome=Outcome.REJECTED, code=error.code, reason=error.message, traceless=traceless)
