"""Which process of a daemon reads which originator: a fixed rule, so that each stream is read by one process.

Pure. The originators of the topology, sorted, are dealt out in turn. All streams of an originator stay together,
because its grants open its messages and its records have one order. The daemon itself has share 0, and also reads
originators that are not dealt out: its own, and those that the topology does not name.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingShare:
    """One of `of` equal parts of the reading."""

    number: int = 0
    """From 0, which is the daemon's own."""

    of: int = 1

    def holds(self, originator: str, originators: Sequence[str]) -> bool:
        """Whether this share reads the streams of `originator`; `originators` are those that are dealt out, sorted."""
        if originator not in originators:
            return self.number == 0
        return originators.index(originator) % self.of == self.number
