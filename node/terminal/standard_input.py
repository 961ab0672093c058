"""Reads a whole input that a command names: a file, or standard input as `-`."""

import sys
from pathlib import Path
from typing import Final

from node.errors import UsageError

STDIN: Final = "-"
CLOSED: Final = "the command was started without standard input"


def read_input(name: str, *, path: str = "FILE") -> bytes:
    """The bytes of the file, or of standard input; UsageError at `path` if it cannot be read."""
    try:
        if name != STDIN:
            return Path(name).read_bytes()
        if sys.stdin is None:
            raise UsageError("file_unreadable", CLOSED, path=path, hint="pipe the input into it, or name a file")
        return sys.stdin.buffer.read()
    except OSError as error:
        shown = "standard input" if name == STDIN else name
        raise UsageError("file_unreadable", f"{shown}: {error.strerror}", path=path) from None
