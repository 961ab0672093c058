"""The reports of `publish`, in batches: of a file, or of standard input or a pipe as they come."""

import select
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from os import fstat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from node.errors import UsageError

if TYPE_CHECKING:
    from node.reports.ndjson import Item

STDIN: Final = "-"
CLOSED: Final = "the command was started without standard input"
ITEMS_TOGETHER_MAX: Final = 200  # handed in by one transaction, or one request
PIECE_SIZE_BYTES: Final = 65_536
TOGETHER_SIZE_BYTES_MAX: Final = 524_288  # what is there at once, so that quick lines share a transaction


def item_batches(file: str) -> Iterator[list["Item"]]:
    """The items of `file` or of stdin, at most ITEMS_TOGETHER_MAX together. Raises UsageError.

    A line of stdin, or of a pipe, is given when it comes: lines are together only if they were there together. An
    input of any size needs the memory of the lines that are together.
    """
    shown = "standard input" if file == STDIN else file
    try:
        with _opened(file) as source:
            if file != STDIN and stat.S_ISREG(fstat(source.fileno()).st_mode):
                from node.handing_in.report_file import items_of_file

                yield from _together(items_of_file(source))
            else:
                yield from _as_they_come(source)
    except OSError as error:
        raise UsageError("file_unreadable", f"{shown}: {error.strerror}", path="FILE") from None


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    """The file, or stdin, which stays open. Raises UsageError, OSError."""
    if file != STDIN:
        with Path(file).open("rb") as source:
            yield source
    elif sys.stdin is None:
        raise UsageError("file_unreadable", CLOSED, path="FILE", hint="pipe the input into it, or name a file")
    else:
        yield sys.stdin.buffer


def _as_they_come(source: BinaryIO) -> Iterator[list["Item"]]:
    from node.reports.report_lines import ReportLines

    lines = ReportLines()
    for piece in _pieces(source):
        yield from _together(lines.feed(piece))
    yield from _together(lines.end())


def _together(items: Iterator["Item"]) -> Iterator[list["Item"]]:
    while batch := list(islice(items, ITEMS_TOGETHER_MAX)):
        yield batch


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    """What the source has: at least one byte, and no wait for more. Raises OSError."""
    while piece := _read(source):
        while len(piece) < TOGETHER_SIZE_BYTES_MAX and _is_ready(source) and (more := _read(source)):
            piece += more
        yield piece


def _read(source: BinaryIO) -> bytes:
    piece: bytes = source.read1(PIECE_SIZE_BYTES)  # type: ignore[attr-defined]
    return piece


def _is_ready(source: BinaryIO) -> bool:
    """Whether more can be read without a wait; an end can be read too."""
    try:
        return bool(select.select([source.fileno()], [], [], 0)[0])
    except (OSError, ValueError):  # it has no descriptor: a test replaced it
        return False
