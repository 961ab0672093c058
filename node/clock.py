"""The node's clock and its randomness: the only module that reads either."""

import os
import time


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def random_bytes(size: int) -> bytes:
    """`size` bytes of the operating system's randomness."""
    return os.urandom(size)
