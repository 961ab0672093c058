"""What becomes of a record that a key of this node signed and that this node did not send. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from node.stages import Decision, Outcome

UNSENT: Final = "foreign"  # why such a record is held


class Unsent(StrEnum):
    """What becomes of a record that a key of this node signed and that this node did not send."""

    HELD = "held"
    """No operator has decided yet."""

    ADOPTED = "adopted"
    """It counts as sent by this node: the node was restored from a backup, or a second copy of it ran."""

    DISOWNED = "disowned"
    """Somebody else signed it. It keeps its place, and nothing of its content."""


UNSENT_DECISIONS: Final[Mapping[Unsent, Decision]] = {
    Unsent.HELD: Decision(
        outcome=Outcome.HELD, code=UNSENT, reason="signed by this node, which did not send it; an operator decides"
    ),
    Unsent.DISOWNED: Decision(outcome=Outcome.WITHHELD, code="disowned", reason="an operator disowned it"),
}
"""An adopted record is decided like any other."""
