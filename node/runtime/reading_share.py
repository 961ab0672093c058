"""Which process of a daemon reads which originator: a fixed rule, so that no two read the same stream.

Pure. The originators of the topology, sorted, are dealt out in turn. All streams of an originator stay together, as its
grants open its messages and its records have one order. The first share is the daemon's own, and holds whoever the
topology does not name (any more).
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One of `of` equal parts of the reading."""

    number: int = 0
    """From 0, the daemon's own."""

    of: int = 1

    def holds(self, originator: str, originators: Sequence[str]) -> bool:
        """Whether this share reads the streams of `originator`; `originators` are those of the topology, sorted."""
        if originator not in originators:
            return self.number == 0
        return originators.index(originator) % self.of == self.number
