"""Every mutation of verifier and policy by its name, and what is left in, with its reason."""

from typing import Final

from tests.mutations import (
    chain,
    gaps,
    grants,
    judge,
    kinds,
    open_types,
    opening,
    payload_rules,
    policy,
    signature_memory,
    verify,
)
from tests.mutations.row import Mutation, Rows

TABLES: Final[dict[str, Rows]] = {
    "node/verification/verify.py": verify.ROWS,
    "node/verification/open_types.py": open_types.ROWS,
    "node/verification/chain.py": chain.ROWS,
    "node/verification/gaps.py": gaps.ROWS,
    "node/verification/signature_memory.py": signature_memory.ROWS,
    "node/sharing/grants.py": grants.ROWS,
    "node/verification/opening.py": opening.ROWS,
    "node/verification/judge.py": judge.ROWS,
    "node/verification/kinds.py": kinds.ROWS,
    "node/verification/payload_rules.py": payload_rules.ROWS,
    "node/sharing/policy.py": policy.ROWS,
}
FILES: Final = tuple(TABLES)

MUTATIONS: Final[dict[str, Mutation]] = {
    f"{file.removeprefix('node/').removesuffix('.py')}.{name}": Mutation(file=file, old=old, new=new, tests=(test,))
    for file, rows in TABLES.items()
    for name, (old, new, test) in rows.items()
}

SCHEMA: Final = "the schema holds it too, when the bytes are decoded (tests/schemas/test_codec.py)"
NARROWED: Final = "for the type checker: no caller hands in the other case"

WITHOUT: Final[dict[str, dict[str, str]]] = {
    "node/verification/verify.py": {
        "verify: isinstance(body, KeyGrant)": NARROWED,
        "verify: isinstance(body, Receipt)": NARROWED,
        "check_framing: len(sealed.path) > PATH_SIZE_BYTES_MAX": SCHEMA,
        "check_batch: len(data) > BATCH_SIZE_BYTES_MAX": SCHEMA,
        "check_batch: 1 <= batch.size": SCHEMA,
        "check_batch: batch.size <= BATCH_LEAVES_MAX": SCHEMA,
        "check_batch: 1 <= batch.first_sequence": SCHEMA,
        "check_header: len(sealed.header) > HEADER_SIZE_BYTES_MAX": SCHEMA,
        "check_sealed_header: header.sealing.grant < 1": SCHEMA,
        "check_sealed_header: PLAINTEXT_SIZE_BYTES_MIN <= length": "what is shorter is no padded length",
        "check_sealed_header: length <= PLAINTEXT_SIZE_BYTES_MAX": "step 1 refuses a record of the next padded length",
    },
    "node/verification/open_types.py": {
        "read_grant: named": SCHEMA,
        "read_grant: len(set(named)) != len(named)": SCHEMA,
    },
    "node/verification/opening.py": {
        "open_message: sealing is None": NARROWED,
        "_framed: begin > len(plain)": "a frame that begins behind the end also ends there",
        "_framed: end > len(plain)": "the padding behind it is not exact; here nothing is sliced past the end",
    },
    "node/verification/judge.py": {
        "admit: batch.originator != self.node": "policy says of an originator and its own what is decided here",
        "grant_of: record.grant is None": NARROWED,
    },
}
"""File -> condition, as `function: text`, -> why no test turns red without it: something else refuses the same."""
