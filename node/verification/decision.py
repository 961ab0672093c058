"""What becomes of a record here: a closed set, and what has to be written for each.

Pure values; `judge` makes them, `store.ingest` writes them.
"""

from dataclasses import dataclass
from enum import StrEnum

from node.errors import Rejected
from node.message import Opened, Verified


class Outcome(StrEnum):
    """The closed set."""

    STORED = "stored"
    WITHHELD = "withheld"
    WAITING = "waiting"
    HELD = "held"
    DUPLICATE = "duplicate"
    NOT_ADDRESSED = "not_addressed"
    REJECTED = "rejected"
    COUNTED = "counted"
    """Verified, of a type that is kept elsewhere (a grant) or not acted on yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Outcome, and why."""

    outcome: Outcome
    code: str | None = None
    reason: str = ""
    opened: Opened | None = None
    agreement: str | None = None
    clause: str | None = None
    due_at: int | None = None
    """Of a held one: when to look again, in ms."""

    traceless: Verified | None = None
    """A record past step 7 whose key or NODE document step 11 refused: it takes no place, and a receipt tells of it."""

    @classmethod
    def rejected(cls, error: Rejected, *, traceless: Verified | None = None) -> "Decision":
        """The message failed a step."""
        return cls(outcome=Outcome.REJECTED, code=error.code, reason=error.message, traceless=traceless)
