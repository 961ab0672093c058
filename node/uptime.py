"""How long a machine runs: the type of what node/clock.py reads."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SinceBoot:
    """How long the machine runs: a clock that nobody sets."""

    boot: str
    """Identifies this start of the machine; on a system that does not say it, of this process."""

    ms: int
