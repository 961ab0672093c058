"""What is taken out of node/verification/signature_memory.py in turn: name, text, what stands there instead, the test
that turns red.
"""

from typing import Final

from tests.mutations.row import Rows

VERIFY_MEMORY: Final = "tests/node/verification/test_verify_memory.py"
MEMORY_SIGNATURES: Final = f"{VERIFY_MEMORY}::test_the_memory_of_signatures_forgets_what_was_asked_for_longest_ago"

ROWS: Final[Rows] = {
    "get: batch is not None": (
        "if batch is not None:",
        "if False:",
        MEMORY_SIGNATURES,
    ),
    "get: step self._batches.move_to_end(key)": (
        "self._batches.move_to_end(key)",
        "pass",
        MEMORY_SIGNATURES,
    ),
    "put: len(self._batches) > self._size_max": (
        "if len(self._batches) > self._size_max:",
        "if False:",
        MEMORY_SIGNATURES,
    ),
    "put: step self._batches.popitem(last=False)": (
        "self._batches.popitem(last=False)",
        "pass",
        MEMORY_SIGNATURES,
    ),
}
