"""How long a node keeps what it needs for a time only, and when that time has passed. Pure; times in ms.

- Time passes only as far as others have signed it: a clock that is wrong deletes nothing. It is the earlier one of
  the own clock and of a day after the second newest sealing among the other members (the newest, if one is left).
- A grant is settled if each stream of its originator was read beyond it by GRANTS_KEPT_MS. A message under a grant is
  sealed within a day after it (AUDIENCE_KEY_LIFE_MS_MAX), so all messages under it have been decided then. A stream
  that was read to its end counts as read until now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from node.limits import DAY_MS

GRANTS_KEPT_MS: Final = 30 * DAY_MS  # records may wait so long in the outbox of their originator
OWN_GRANTS_KEPT_MS: Final = 2 * DAY_MS  # their keys are used for a day
OUTCOMES_KEPT_MS: Final = 30 * DAY_MS
FINDINGS_KEPT_MS: Final = 90 * DAY_MS
NOTES_KEPT_MS: Final = 365 * DAY_MS
PURGED_KEPT_MS: Final = 365 * DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRead:
    """How far a stream of reports was read."""

    sealed_at: int
    """Of its newest batch; 0 if none was read."""

    at_end: bool
    """The log has nothing more."""


def trusted_time(now: int, newest_sealings: Mapping[str, int]) -> int:
    """The time that has passed for certain; `newest_sealings` are those of the other members."""
    newest = sorted(newest_sealings.values(), reverse=True)[:2]
    return min(now, newest[-1] + DAY_MS) if newest else 0


def settled_before(streams: Iterable[StreamRead], time: int) -> int:
    """The time before which the grants of an originator are settled; `streams` are all its streams of reports."""
    reached = [time if stream.at_end else min(stream.sealed_at, time) for stream in streams]
    return min(reached, default=time) - GRANTS_KEPT_MS
