"""The types of the table of verification steps; the rows are in `steps`. Pure data."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

WITHHOLDING: Final = 17  # the only step that keeps a message from its reader and does not reject the record


class Phase(StrEnum):
    """What a step needs to know, beyond what the phases before it needed."""

    RECORD = "bytes, the place where they were found, and governance"  # a refused record leaves no trace
    STREAM = "what came before in the stream"
    TIME = "the time t"
    OPENING = "the grant that the header names, and the private key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the verification."""

    number: int
    name: str
    phase: Phase
    codes: tuple[str, ...]
    """What a failure is called. Step 17 withholds a message with its code; the others reject the record."""

    functions: tuple[Callable[..., object], ...]
    """Where the step is done, in the order of the calls."""

    receipt_byte: int | None = None
    """What a receipt says about a leaf that failed here; None if it says nothing, as the record leaves no trace."""

    @property
    def rejects(self) -> bool:
        """Whether a failure puts the record in quarantine."""
        return self.number != WITHHOLDING
