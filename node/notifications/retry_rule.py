"""When a delivery to a webhook is tried again, and when it is given up. Pure; times in ms.

- The pause doubles with each attempt, from FIRST_PAUSE_MS up to PAUSE_MS_MAX. A random part of up to half of it is
  taken away, so that many deliveries do not come at the same moment.
- A target that asks for a longer pause (`Retry-After`) gets it, up to PAUSE_MS_MAX.
- A delivery is dead after ATTEMPTS_MAX attempts, or if the next attempt would come later than DELIVERY_AGE_MS_MAX after
  the message. It is dead at once if the target is not allowed, or answers that it is gone for good.
"""

from dataclasses import dataclass
from typing import Final

from node.limits import DAY_MS

FIRST_PAUSE_MS: Final = 1_000
PAUSE_MS_MAX: Final = 3_600_000
ATTEMPTS_MAX: Final = 30
DELIVERY_AGE_MS_MAX: Final = DAY_MS
GONE: Final = 410

DELIVERED: Final = range(200, 300)
"""The statuses of HTTP that say that the target has the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one attempt."""

    status: int | None
    """The HTTP status; None if there was no answer."""

    error: str | None = None
    """The code of the error; None if the target took the message."""

    retry_after_ms: int | None = None
    is_final: bool = False
    """No further attempt can succeed."""


def pause_ms(attempts: int, share: float) -> int:
    """The pause after so many attempts; `share` is random, from 0 up to 1."""
    longest = min(PAUSE_MS_MAX, FIRST_PAUSE_MS << min(attempts - 1, 32))
    return int(longest * (1 - share / 2))


def next_attempt_at(answer: Answer, *, attempts: int, created_at: int, now: int, share: float) -> int | None:
    """When a delivery that failed is tried again; None if it is dead."""
    if answer.is_final or answer.status == GONE or attempts >= ATTEMPTS_MAX:
        return None
    asked = min(answer.retry_after_ms or 0, PAUSE_MS_MAX)
    at = now + max(pause_ms(attempts, share), asked)
    return at if at - created_at <= DELIVERY_AGE_MS_MAX else None


def retry_after_ms(text: str | None) -> int | None:
    """A header `Retry-After` with seconds, in ms; a date is not read."""
    return int(text) * 1000 if text is not None and text.isascii() and text.isdecimal() and len(text) <= 6 else None
