"""How often a caller may call: a token bucket. Pure; time is an argument."""

from dataclasses import dataclass
from typing import Final

BURST_SECONDS: Final = 2  # so much of the rate may come at once, after a pause
SECOND_MS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """How many requests a caller may send at once, at a time in ms."""

    left: float
    at: float


def take(bucket: Bucket | None, rate: int, now: float) -> tuple[Bucket, float]:
    """Take one request at `now` (ms), for `rate` requests a second; None is a caller that is new.

    Returns the bucket afterwards, and the ms until the request is allowed: 0 means that it is allowed now. A request
    that is not allowed takes nothing.
    """
    full = float(rate * BURST_SECONDS)
    left = full
    if bucket is not None:
        left = min(full, bucket.left + max(0.0, now - bucket.at) * rate / SECOND_MS)
    if left >= 1:
        return Bucket(left=left - 1, at=now), 0.0
    return Bucket(left=left, at=now), (1 - left) * SECOND_MS / rate
