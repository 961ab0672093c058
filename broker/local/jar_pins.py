"""The SHA-256 of each jar that a local broker loads: checked when Maven has fetched the jars, and at each start.

The list is jars.sha256 beside this module, in the format of sha256sum. Maven alone is not enough: by default it only
warns about a jar with a wrong checksum, and it gets the checksum from where it gets the jar.
"""

import hashlib
from pathlib import Path
from typing import Final

from broker.local.errors import LocalUsage

PINS: Final = Path(__file__).with_name("jars.sha256")
NAMES_MAX: Final = 5


def check_jars(folder: Path) -> None:
    """Raise LocalUsage `jars_changed` unless the folder contains exactly the jars of the list, unchanged."""
    pinned = _pinned()
    found = {path.name: path for path in folder.iterdir()}
    both = pinned.keys() & found.keys()
    wrong = [
        *(f"{name} is missing" for name in sorted(pinned.keys() - found.keys())),
        *(f"{name} is not in the list" for name in sorted(found.keys() - pinned.keys())),
        *(f"{name} has another SHA-256" for name in sorted(both) if not _is_unchanged(found[name], pinned[name])),
    ]
    if wrong:
        more = f" and {len(wrong) - NAMES_MAX} more" if len(wrong) > NAMES_MAX else ""
        message = f"the jars in {folder} are not those of {PINS.name}: {', '.join(wrong[:NAMES_MAX])}{more}"
        hint = f"find out who changed them, then remove {folder}: the next start fetches the jars again"
        raise LocalUsage("jars_changed", message, hint=hint)


def _pinned() -> dict[str, str]:
    """Name -> SHA-256 in hexadecimal digits."""
    pairs = (line.split() for line in PINS.read_text("utf-8").splitlines() if line)
    return {name: digest for digest, name in pairs}


def _is_unchanged(path: Path, digest: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as jar:
        return hashlib.file_digest(jar, "sha256").hexdigest() == digest
