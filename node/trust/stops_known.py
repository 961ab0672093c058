"""Keeps when this node first had each document that stops an agreement, as small files beside the documents.

A stop never counts from an earlier time (agreement_times.py), so the time must survive a restart and a second
installation of the document. Rules:

- the file is `<hash of the document>.known` and contains one time, RFC 3339; it is written once, and again only if its
  time is in the future, as the clock was wrong then;
- of several processes that see a stop at the same time, the first one writes;
- in a folder that cannot be written, a stop counts from its `from`.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from node.errors import UsageError
from node.files import read_file, write_file
from node.limits import CLOCK_SKEW_MS_MAX
from schemas.formats import parse_time, time_text

KNOWN_SUFFIX: Final = ".known"
_SIZE_BYTES_MAX: Final = 64


def read(folder: Path, now: int | None = None) -> dict[bytes, int]:
    """Hash of each stop that was noted -> the time in ms; a file that contains no time is ignored.

    So is a time after `now` (ms): the clock was wrong when it was noted.
    """
    known: dict[bytes, int] = {}
    for path in folder.glob(f"*{KNOWN_SUFFIX}"):
        with suppress(UsageError, ValueError):
            time = parse_time(read_file(path, _SIZE_BYTES_MAX).decode().strip())
            if now is None or time <= now + CLOCK_SKEW_MS_MAX:
                known[bytes.fromhex(path.stem)] = time
    return known


def note(folder: Path, hashes: Iterable[bytes], now: int) -> None:
    """Note that the documents with these hashes, which `read` did not return, are here since `now` (ms)."""
    for hash_ in hashes:
        path = folder / f"{hash_.hex()}{KNOWN_SUFFIX}"
        with suppress(UsageError, OSError):  # another process was first, or the folder cannot be written
            write_file(path, f"{time_text(now)}\n".encode(), replace=path.exists())
