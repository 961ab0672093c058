"""Randomness that refuses to repeat itself: a source that is stuck seals nothing.

One key for two audiences, or one nonce for two texts, is worse than an outage. The source is tried once before its
first use, and each draw is compared with those before it; a sound source repeats none in the life of a node.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from node.errors import Unavailable

COMPARED_SIZE_BYTES: Final = 12  # the shortest draw, a nonce; two equal ones of a sound source need some 2^48 draws
DRAWS_REMEMBERED_MAX: Final = 8192  # more than the drafts of one batch need


class NonRepeatingRandom:
    """A source of randomness around another; raises Unavailable `randomness_failed` instead of a repeated draw."""

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def __call__(self, size: int) -> bytes:
        """`size` bytes, at least COMPARED_SIZE_BYTES."""
        if size < COMPARED_SIZE_BYTES:
            raise ValueError(f"a draw has at least {COMPARED_SIZE_BYTES} bytes, as a shorter one may repeat by chance")
        if not self._seen:
            self._draw(COMPARED_SIZE_BYTES)
        return self._draw(size)

    def _draw(self, size: int) -> bytes:
        value = self._source(size)
        begin = value[:COMPARED_SIZE_BYTES]
        if len(value) != size or begin in self._seen:
            raise Unavailable(
                "randomness_failed",
                "the source of randomness repeats itself or runs short",
                hint="nothing is accepted or sealed until it is sound; look at the machine, or at its image",
            )
        self._seen[begin] = None
        if len(self._seen) > DRAWS_REMEMBERED_MAX:
            self._seen.popitem(last=False)
        return value
