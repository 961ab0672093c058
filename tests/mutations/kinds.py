"""What is taken out of node/verification/kinds.py in turn: name, text, what stands there instead, the test that turns
red.
"""

from typing import Final

from tests.mutations.row import Rows

KINDS: Final = "tests/node/verification/test_kinds.py"
OPENING: Final = "tests/node/verification/test_opening.py"
VERIFY: Final = "tests/node/verification/test_verify.py"
FURTHER_KIND: Final = f"{KINDS}::test_a_further_kind_is_verified_and_stored_by_its_row_alone"
KIND_OF_LABELS: Final = f"{KINDS}::test_header_and_labels_decide_the_kind"
UNKNOWN_STREAM: Final = f"{KINDS}::test_a_stream_carries_an_open_kind_or_reports"

ROWS: Final[Rows] = {
    "is_stream: stream in OPEN_KINDS": (
        "return stream in OPEN_KINDS or is_intel(stream)",
        "return is_intel(stream)",
        UNKNOWN_STREAM,
    ),
    "is_stream: is_intel(stream)": (
        "return stream in OPEN_KINDS or is_intel(stream)",
        "return stream in OPEN_KINDS",
        UNKNOWN_STREAM,
    ),
    "sealed_kind: kind.header_type is header_type": (
        "if kind.header_type is header_type]",
        "if True]",
        KIND_OF_LABELS,
    ),
    "sealed_kind: label_kind in kind.label_kinds": (
        "if label_kind in kind.label_kinds)",
        "if True)",
        FURTHER_KIND,
    ),
}
