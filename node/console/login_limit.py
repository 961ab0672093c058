"""Limits how often somebody may try to log in. Pure: time is an argument.

Tokens are long and random, so that guessing is hopeless; the limit keeps the attempts from costing the node its time.
Each address has its own limit, so that a stranger who tries does not lock out everybody else.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

FAILURES_MAX: Final = 5  # of one address within the window
WINDOW_MS: Final = 5 * 60 * 1000
ADDRESSES_MAX: Final = 1_000  # the address without a failure for the longest time is forgotten


@dataclass(slots=True)
class LoginLimit:
    """The failures of each address."""

    _failures: OrderedDict[str, deque[int]] = field(default_factory=OrderedDict)

    def wait_seconds(self, address: str, now: int) -> int:
        """How long this address has to wait before it may try again, in seconds; 0 if it may now."""
        recent = self._recent(address, now)
        return 0 if len(recent) < FAILURES_MAX else max(1, -((now - recent[0] - WINDOW_MS) // 1000))

    def failed(self, address: str, now: int) -> None:
        """Count a failure."""
        recent = self._recent(address, now)
        recent.append(now)
        self._failures[address] = recent
        self._failures.move_to_end(address)
        while len(self._failures) > ADDRESSES_MAX:
            self._failures.popitem(last=False)

    def _recent(self, address: str, now: int) -> deque[int]:
        kept = (time for time in self._failures.get(address, ()) if now - time < WINDOW_MS)
        return deque(kept, maxlen=FAILURES_MAX)
