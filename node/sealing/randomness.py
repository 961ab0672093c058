"""Guards a source of randomness: a value that repeats stops the node before it seals anything.

The same key for two audiences, or the same nonce for two texts, is worse than an outage. The source is tried once
before its first use. The beginning of each value is compared with those of earlier values; a working source does not
repeat one during the life of a node.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from node.errors import Unavailable

COMPARED_SIZE_BYTES: Final = 12  # a nonce, the shortest value; a working source repeats one after about 2^48 draws
DRAWS_REMEMBERED_MAX: Final = 8192  # more than one batch needs


class NonRepeatingRandom:
    """A source of randomness that wraps another. Unavailable `randomness_failed` if a value repeats or is too short."""

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def __call__(self, size: int) -> bytes:
        """`size` random bytes. ValueError if `size` is below COMPARED_SIZE_BYTES."""
        if size < COMPARED_SIZE_BYTES:
            raise ValueError(f"draw at least {COMPARED_SIZE_BYTES} bytes: a shorter value may repeat by chance")
        if not self._seen:
            self._draw(COMPARED_SIZE_BYTES)
        return self._draw(size)

    def _draw(self, size: int) -> bytes:
        value = self._source(size)
        beginning = value[:COMPARED_SIZE_BYTES]
        if len(value) != size or beginning in self._seen:
            raise Unavailable(
                "randomness_failed",
                "the source of randomness repeats values or returns too few bytes",
                hint="repair the machine or its image; until then the node accepts and seals nothing",
            )
        self._seen[beginning] = None
        if len(self._seen) > DRAWS_REMEMBERED_MAX:
            self._seen.popitem(last=False)
        return value
