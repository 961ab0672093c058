"""The modules whose rules are removed one at a time, the tests that must then fail, and the exceptions.

A new module of a guarded folder needs no line here. Its own tests, `test_<module>*.py`, run first.
"""

from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
VECTORS: Final = "tests/project/test_vectors.py"

GUARDED: Final[dict[str, tuple[str, ...]]] = {
    "node/reports/connection_rules.py": ("tests/node/reports/test_rules.py", "tests/node/reports/test_validate.py"),
    "node/reports/field_checks.py": ("tests/node/reports/test_rules.py", "tests/node/reports/test_validate.py"),
    "node/reports/rules.py": ("tests/node/reports/test_validate.py",),
    "node/sealing/seal.py": (VECTORS, "tests/node/sealing"),
    "node/sharing/": ("tests/node/sharing", VECTORS, "tests/node/verification"),
    "node/trust/admission.py": ("tests/node/trust/test_examination.py", "tests/node/trust"),
    "node/trust/document_signatures.py": ("tests/node/trust", VECTORS),
    "node/trust/succession.py": ("tests/node/trust/test_examination.py", "tests/node/trust"),
    "node/verification/headers.py": ("tests/node/verification/test_verify.py", "tests/node/verification", VECTORS),
    "node/verification/judge.py": (
        "tests/node/verification/test_opening.py",
        "tests/node/sharing/test_grants.py",
        "tests/node/verification",
        VECTORS,
    ),
    "node/verification/gaps.py": ("tests/node/verification/test_chain.py", "tests/node/verification"),
    "node/verification/opening.py": (
        "tests/node/verification/test_binding.py",
        "tests/node/verification",
        VECTORS,
        "tests/node/sharing",
    ),
    "node/verification/step_types.py": ("tests/node/verification/test_steps.py", "tests/node/verification"),
    "node/verification/": ("tests/node/verification", VECTORS, "tests/node/sharing"),
}
"""Module or folder -> the tests that run after its own. The first row that fits counts."""

SCHEMA: Final = "the schema refuses it too, when the bytes are decoded (tests/schemas/test_codec.py)"
NARROWED: Final = "for the type checker: no caller passes the other case"
SHORTCUT: Final = "saves time only: without it the result is the same"
ENDS_BELOW: Final = "the highest sequence has its record, so a batch without its last leaves ends below it"
UNPADDED: Final = "a shorter length is not a padded length, and step 1 refuses the next padded length"

UNSEEN: Final[dict[str, dict[str, str]]] = {
    "node/reports/field_checks.py": {
        "FieldChecks.unique: without len(values) > 1": SHORTCUT,
        "FieldChecks.unique: without len(set(values)) < len(values)": SHORTCUT,
        "FieldChecks.unique: boundary of len(values) > 1": SHORTCUT,
        "FieldChecks.unique: boundary of len(set(values)) < len(values)": SHORTCUT,
    },
    "node/reports/rules.py": {
        "_check_entity: always entity.identifiers": SHORTCUT,
        "_is_birth_date: never match is None": SCHEMA,
    },
    "node/verification/own_work.py": {
        "check_own_work: without ''": "for the type checker: a rejected record always has a code",
    },
    "node/verification/chain.py": {
        "StreamView.place: boundary of sequence < self.highest": "a second record at one sequence was refused before",
    },
    "node/verification/verify.py": {
        "check_framing: without len(sealed.path) > PATH_SIZE_BYTES_MAX": SCHEMA,
        "check_batch: never len(data) > BATCH_SIZE_BYTES_MAX": SCHEMA,
        "check_batch: boundary of len(data) > BATCH_SIZE_BYTES_MAX": SCHEMA,
        "check_batch: without not 1 <= batch.size <= BATCH_LEAVES_MAX": SCHEMA,
        "check_batch: without 1 <= batch.size": SCHEMA,
        "check_batch: without batch.size <= BATCH_LEAVES_MAX": SCHEMA,
        "check_batch: without 1 <= batch.first_sequence": SCHEMA,
        "verify: always isinstance(body, KeyGrant)": NARROWED,
    },
    "node/verification/headers.py": {
        "check_header: never len(sealed.header) > HEADER_SIZE_BYTES_MAX": SCHEMA,
        "check_header: boundary of len(sealed.header) > HEADER_SIZE_BYTES_MAX": SCHEMA,
        "check_sealed_header: without header.sealing.grant < 1": SCHEMA,
        "check_content_length: without not PLAINTEXT_SIZE_BYTES_MIN <= length <= PLAINTEXT_SIZE_BYTES_MAX": UNPADDED,
        "check_content_length: without PLAINTEXT_SIZE_BYTES_MIN <= length": "a shorter length is not a padded length",
        "check_content_length: without length <= PLAINTEXT_SIZE_BYTES_MAX": "step 1 refuses the next padded length",
    },
    "node/verification/opening.py": {
        "open_message: without sealing is None": NARROWED,
        "_framed: without begin > len(plain)": "a frame that begins behind the end also ends there",
        "_framed: without end > len(plain)": "the padding behind it is not exact, and nothing is read past the end",
    },
    "node/verification/receipt_bytes.py": {
        "outcome_of: without ''": NARROWED,
        "_entry: without (sealing := record.header.sealing) is None": NARROWED,
    },
    "node/verification/judge.py": {
        "Judge.admit: without batch.originator != self.node": "policy decides the same for an originator itself",
    },
    "node/verification/gaps.py": {
        "open_gaps: min(before, link.first) as before": "batches that overlap were refused (step 8)",
        "open_gaps: min(link.end, highest + 1) as link.end (2)": ENDS_BELOW,
        "open_gaps: highest + 1 as highest (2)": ENDS_BELOW,
    },
}
"""Module -> mutant -> why no test can see it."""


def modules() -> list[str]:
    """Every guarded module, as a path from the root of the project."""
    found: list[str] = []
    for place in GUARDED:
        files = sorted((PROJECT / place).glob("*.py")) if place.endswith("/") else [PROJECT / place]
        found.extend(file.relative_to(PROJECT).as_posix() for file in files if file.name != "__init__.py")
    return list(dict.fromkeys(found))


def suites(module: str) -> list[list[str]]:
    """The tests for a module in the order in which they run: its own, then those that GUARDED lists."""
    listed = next(tests for place, tests in GUARDED.items() if module.startswith(place))
    folder, _, name = module.rpartition("/")
    own = sorted((PROJECT / "tests" / folder).glob(f"test_{name.removesuffix('.py')}*.py"))
    tests = [file.relative_to(PROJECT).as_posix() for file in own]
    return [*([tests] if tests else []), [*listed]]
