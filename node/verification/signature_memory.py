"""The memory of batches whose signature was valid."""

from collections import OrderedDict
from typing import Final

from schemas.types import Batch

SIGNATURES_REMEMBERED_MAX: Final = 4096  # batches; 4096 of 1024 leaves span far more than what arrives interleaved


class SignatureMemory:
    """Batches whose signature was valid, so that 1024 messages cost one verification.

    The key is H(frame(batch, signature)), never the batch alone. Bounded: the batch that was asked for longest ago is
    forgotten first.
    """

    def __init__(self, size_max: int = SIGNATURES_REMEMBERED_MAX) -> None:
        self._batches: OrderedDict[bytes, Batch] = OrderedDict()
        self._size_max = size_max

    def get(self, key: bytes) -> Batch | None:
        """The batch that was verified under `key`."""
        batch = self._batches.get(key)
        if batch is not None:
            self._batches.move_to_end(key)
        return batch

    def put(self, key: bytes, batch: Batch) -> None:
        """Remember a batch whose signature held."""
        self._batches[key] = batch
        if len(self._batches) > self._size_max:
            self._batches.popitem(last=False)
