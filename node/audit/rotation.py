"""Records whose key had ended when they were sealed, until the originator confirms them with a later key.

A new NODE document may end a key at a time that has passed when the nodes install it. Until then the originator sealed
with the key, and every node stored what it read. Afterwards the documents say that the key was not valid. Pure. Rules:

- A record of a key that had ended is confirmed if a later batch, of a key that was valid, continues its batch: its
  `previous` is the hash of the batch, directly or through batches of the same kind.
- A record of a key that was compromised is never confirmed, nor one that nothing continues.
"""

from typing import Final

from node.errors import Rejected
from node.stages import Verified
from node.trust.governance import Governance
from schemas.types import KeyReason

SIZE_BYTES_MAX: Final = 64 * 1024 * 1024  # of the records that wait for their confirmation


class EndedKeys:
    """The records of one stream that wait for their confirmation."""

    def __init__(self, governance: Governance) -> None:
        self._governance = governance
        self._waiting: dict[bytes, list[tuple[int, Verified, Rejected]]] = {}
        """Hash of the batch -> its records, each with its position and the reason against it."""

        self._size = 0

    def hold(self, position: int, record: Verified, error: Rejected) -> bool:
        """Keep a record that failed step 11 with `error`; False if it cannot be confirmed, or too many wait."""
        key = self._governance.key(record.batch.key_id)
        size = self._size + len(record.value)
        if error.code != "key_not_valid" or key is None or key.reason is KeyReason.COMPROMISED or size > SIZE_BYTES_MAX:
            return False
        self._size = size
        self._waiting.setdefault(record.batch_hash, []).append((position, record, error))
        return True

    def confirmed_by(self, record: Verified) -> list[tuple[int, Verified]]:
        """The records that a record of a valid key confirms, in the order of their sequences."""
        batches = []
        previous = record.batch.previous
        while (waiting := self._waiting.pop(previous, None)) is not None:
            batches.append(waiting)
            self._size -= sum(len(held.value) for _, held, _ in waiting)
            previous = waiting[0][1].batch.previous
        return [(position, held) for batch in reversed(batches) for position, held, _ in batch]

    def left(self) -> list[tuple[int, Verified, Rejected]]:
        """The records that were not confirmed."""
        return [held for batch in self._waiting.values() for held in batch]
