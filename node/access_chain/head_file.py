"""The file of signed heads in the home: one JSON object in each line, only added to.

It is beside the store, so that a change of the database alone is found. Rules:

- A head is on the disk before the store has it. So the file has every head that the store has.
- A process that is killed while it writes leaves a part of a line. It is no head; the next write removes it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import msgspec

from node.access_chain.signed_head import SignedHead
from node.files import FILE_MODE

HEADS_FILE: Final = "access-heads.ndjson"
LINE_SIZE_BYTES_MAX: Final = 64 * 1024  # a head has 5 KiB


def add(path: Path, head: SignedHead) -> None:
    """Add a head and bring it to the disk. Raises OSError, with nothing added."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        end = _end_of_lines(file)
        file.truncate(end)
        file.seek(end)
        line = msgspec.json.encode(head) + b"\n"
        try:
            if file.write(line) != len(line):
                raise OSError(f"{path}: the disk is full")
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise


def _end_of_lines(file: IO[bytes]) -> int:
    """Where the last whole line ends."""
    end = file.seek(0, os.SEEK_END)
    start = max(0, end - LINE_SIZE_BYTES_MAX)
    file.seek(start)
    tail = file.read(LINE_SIZE_BYTES_MAX)
    newline = tail.rfind(b"\n")
    return start + newline + 1 if newline >= 0 or start == 0 else end


def size(path: Path) -> int:
    """The size of the file in bytes; 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def lines(path: Path, *, until: int) -> Iterator[bytes]:
    """The lines of the first `until` bytes; one above LINE_SIZE_BYTES_MAX comes in parts. Raises OSError."""
    if not until:
        return
    with path.open("rb") as file:
        while file.tell() < until:
            line = file.readline(LINE_SIZE_BYTES_MAX)
            if not line.endswith(b"\n") and len(line) < LINE_SIZE_BYTES_MAX:
                return  # the part of a line that a killed process left
            yield line


def head_of(line: bytes) -> SignedHead | None:
    """The head of a line; None if it is not one."""
    try:
        return msgspec.json.decode(line, type=SignedHead)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
