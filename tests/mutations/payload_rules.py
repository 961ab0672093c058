"""What is taken out of node/verification/payload_rules.py in turn: name, text, what stands there instead, the test that
turns red.
"""

from typing import Final

from tests.mutations.row import Rows

LABELS_HEADER: Final = "tests/node/verification/test_opening.py::test_labels_header_and_payload_must_say_the_same"

ROWS: Final[Rows] = {
    "check_report: not problems": (
        "if not problems:",
        "if True:",
        f"{LABELS_HEADER}[an entity twice]",
    ),
    "check_report: rules.only_codes_are_unknown(report, problems)": (
        "if rules.only_codes_are_unknown(report, problems):",
        "if False:",
        f"{LABELS_HEADER}[a subject of a later list]",
    ),
    "check_report: always rules.only_codes_are_unknown(report, problems)": (
        "if rules.only_codes_are_unknown(report, problems):",
        "if True:",
        f"{LABELS_HEADER}[an entity twice]",
    ),
}
