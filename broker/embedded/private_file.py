"""Makes the file of the embedded log so that only its owner can read it, whatever the umask of the process is."""

import os
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600


def make_private_file(path: Path) -> None:
    """Make an empty file if there is none; SQLite gives its companion files the same mode.

    If it cannot be made, the connection that opens it reports why.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, FILE_MODE))
    except OSError:
        return
