"""Makes code lists of an earlier version: the current lists without some codes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from schemas import codes


@contextmanager
def code_lists_without(folder: Path, **missing: str) -> Iterator[None]:
    """Let this process use lists without these codes (list = code), which are written to `folder`."""
    folder.mkdir(exist_ok=True)
    for path in codes.FOLDER.glob("*.json"):
        listed = json.loads(path.read_text("utf-8"))
        listed["version"] = "0"
        listed["codes"] = [entry for entry in listed["codes"] if entry["code"] != missing.get(path.stem)]
        (folder / path.name).write_text(json.dumps(listed), "utf-8")
    codes.load.cache_clear()
    try:
        with patch.object(codes, "FOLDER", folder):
            yield
    finally:
        codes.load.cache_clear()
