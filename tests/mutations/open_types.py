"""What is taken out of node/verification/open_types.py in turn: name, text, what stands there instead, the test that
turns red.
"""

from typing import Final

from tests.mutations.row import Rows

BODIES: Final = "tests/node/verification/test_open_types.py"
MALFORMED_RECEIPT: Final = f"{BODIES}::test_a_malformed_receipt_is_refused"
BODY_ONE: Final = f"{BODIES}::test_the_body_of_one_type_is_no_body_of_another"
MALFORMED_DOCUMENT: Final = f"{BODIES}::test_a_malformed_document_is_refused"
MALFORMED_GRANT: Final = f"{BODIES}::test_a_malformed_grant_signed_by_the_right_key_is_refused"
CHECKPOINT_COUNTS: Final = f"{BODIES}::test_a_checkpoint_counts_only_as_its_originator_signed_it"

ROWS: Final[Rows] = {
    "read_document: step codec.decode(_DOCUMENT_BODY[document.kind], document.body)": (
        "codec.decode(_DOCUMENT_BODY[document.kind], document.body)",
        "pass",
        f"{MALFORMED_DOCUMENT}[unsorted parties]",
    ),
    "check_body: code body_malformed": (
        'raise Rejected("body_malformed", error.reason) from None',
        'raise Rejected("governance_stale", error.reason) from None',
        f"{MALFORMED_DOCUMENT}[version 0]",
    ),
    "read_grant: (entry.recipient == batch.originator) == bool(entry.clauses)": (
        "if (entry.recipient == batch.originator) == bool(entry.clauses):",
        "if False:",
        f"{MALFORMED_GRANT}[a recipient without clauses]",
    ),
    "read_checkpoint: step codec.decode(Checkpoint, body.checkpoint)": (
        "codec.decode(Checkpoint, body.checkpoint)",
        "pass",
        f"{CHECKPOINT_COUNTS}[2,001 heads]",
    ),
    "read_checkpoint: key is None": (
        "if key is None or key.node != batch.originator or key.use is not KeyUse.CHECKPOINT:",
        "if False or key.node != batch.originator or key.use is not KeyUse.CHECKPOINT:",
        f"{CHECKPOINT_COUNTS}[unknown key]",
    ),
    "read_checkpoint: key.node != batch.originator": (
        "if key is None or key.node != batch.originator or key.use is not KeyUse.CHECKPOINT:",
        "if key is None or False or key.use is not KeyUse.CHECKPOINT:",
        f"{CHECKPOINT_COUNTS}[key of another node]",
    ),
    "read_checkpoint: key.use is not KeyUse.CHECKPOINT": (
        "if key is None or key.node != batch.originator or key.use is not KeyUse.CHECKPOINT:",
        "if key is None or key.node != batch.originator or False:",
        f"{CHECKPOINT_COUNTS}[key of another use]",
    ),
    "read_checkpoint: not public_keys.verify_mldsa(key.public, body.signature, signed)": (
        "if not public_keys.verify_mldsa(key.public, body.signature, signed):",
        "if False:",
        f"{CHECKPOINT_COUNTS}[signature of zeros]",
    ),
}
