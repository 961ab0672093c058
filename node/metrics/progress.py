"""Does the node make progress? Compares looks at its streams and its outbox. Pure; time is an argument.

Rules:

- What a known fault or finding stops does not count: `status` lists it, and one originator or one topic must not make
  the whole node unready.
- The node makes progress while anything that is left to do becomes less.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

STALL_SECONDS_MAX: Final = 60.0
"""A restart of a client, a slow commit or a long transaction take less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is left to do at one moment."""

    behind: Mapping[str, int]
    """Topic that has unread records -> the position where reading goes on."""

    outgoing: Mapping[str, Any]
    """Changes whenever something is sealed or read back; empty if nothing is left to seal or to send."""


@dataclass(slots=True)
class _Standing:
    """Since when one kind of work stands still."""

    state: Mapping[str, Any] = field(default_factory=dict)
    since: float | None = None

    def seconds(self, state: Mapping[str, Any], now: float) -> float:
        """For how many seconds the work that is left has stood still; 0 if nothing is left or something moved."""
        if not state:
            self.since = None
        elif self.since is None or self._moved(state):
            self.since = now
        self.state = state
        return 0.0 if self.since is None else now - self.since

    def _moved(self, state: Mapping[str, Any]) -> bool:
        """Whether one part is finished or has changed. A new part is no progress."""
        return any(name not in state or state[name] != before for name, before in self.state.items())


@dataclass(slots=True)
class Progress:
    """The looks of one process."""

    reading: _Standing = field(default_factory=_Standing)
    sending: _Standing = field(default_factory=_Standing)

    def stalled(self, work: Work, now: float) -> dict[str, float]:
        """Code of a problem -> for how many seconds that work has stood still, if it is too long; `now` in seconds."""
        waits = {
            "reading_stalled": self.reading.seconds(work.behind, now),
            "sending_stalled": self.sending.seconds(work.outgoing, now),
        }
        return {code: seconds for code, seconds in waits.items() if seconds >= STALL_SECONDS_MAX}
