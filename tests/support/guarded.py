"""The modules whose rules are taken out one at a time, the tests that must see it, and the exceptions.

A new module of a guarded folder is guarded without a line here. Its own tests, `test_<module>.py`, run first.
"""

from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
VECTORS: Final = "tests/project/test_vectors.py"

GUARDED: Final[dict[str, tuple[str, ...]]] = {
    "node/reports/rules.py": ("tests/node/reports/test_validate.py",),
    "node/sealing/seal.py": (VECTORS, "tests/node/sealing"),
    "node/sharing/": ("tests/node/sharing", VECTORS, "tests/node/verification"),
    "node/trust/admission.py": ("tests/node/trust",),
    "node/trust/document_signatures.py": ("tests/node/trust", VECTORS),
    "node/trust/succession.py": ("tests/node/trust",),
    "node/verification/": ("tests/node/verification", VECTORS, "tests/node/sharing"),
}
"""Module or folder -> the tests that run after its own."""

SCHEMA: Final = "the schema refuses it too, when the bytes are decoded (tests/schemas/test_codec.py)"
NARROWED: Final = "for the type checker: no caller passes the other case"
SHORTCUT: Final = "saves time only: without it the result is the same"

UNSEEN: Final[dict[str, dict[str, str]]] = {}
"""Module -> mutant -> why no test can see it."""


def modules() -> list[str]:
    """Every guarded module, as a path from the root of the project."""
    found: list[str] = []
    for place in GUARDED:
        files = sorted((PROJECT / place).glob("*.py")) if place.endswith("/") else [PROJECT / place]
        found.extend(file.relative_to(PROJECT).as_posix() for file in files if file.name != "__init__.py")
    return found


def tests_of(module: str) -> list[str]:
    """The test files and folders for a module, its own first."""
    [listed] = [tests for place, tests in GUARDED.items() if module.startswith(place)]
    folder, _, name = module.rpartition("/")
    own = f"tests/{folder}/test_{name}"
    return [*([own] if (PROJECT / own).exists() else []), *listed]
