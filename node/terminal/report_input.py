"""The reports of `publish`, in batches: of a file, or of standard input as they come."""

import select
import sys
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Final

from node.errors import UsageError
from node.terminal.standard_input import CLOSED, STDIN, read_input

if TYPE_CHECKING:
    from node.reports.ndjson import Item

ITEMS_TOGETHER_MAX: Final = 200  # handed in by one transaction, or one request
PIECE_SIZE_BYTES: Final = 65_536
TOGETHER_SIZE_BYTES_MAX: Final = 524_288  # what is there at once, so that quick lines share a transaction


def item_batches(file: str) -> Iterator[list["Item"]]:
    """The items of `file` or of stdin, at most ITEMS_TOGETHER_MAX together. Raises UsageError.

    A line of stdin is given when it comes: lines are together only if they were there together.
    """
    if file != STDIN:
        from node.reports.ndjson import parse_lines

        yield from _together(parse_lines(read_input(file)))
        return
    from node.reports.report_lines import ReportLines

    lines = ReportLines()
    for piece in _pieces():
        yield from _together(lines.feed(piece))
    yield from _together(lines.end())


def _together(items: Iterator["Item"]) -> Iterator[list["Item"]]:
    while batch := list(islice(items, ITEMS_TOGETHER_MAX)):
        yield batch


def _pieces() -> Iterator[bytes]:
    """What stdin has: at least one byte, and no wait for more."""
    if sys.stdin is None:
        raise UsageError("file_unreadable", CLOSED, path="FILE", hint="pipe the input into it, or name a file")
    source: BinaryIO = sys.stdin.buffer
    try:
        while piece := _read(source):
            while len(piece) < TOGETHER_SIZE_BYTES_MAX and _is_ready(source) and (more := _read(source)):
                piece += more
            yield piece
    except OSError as error:
        raise UsageError("file_unreadable", f"standard input: {error.strerror}", path="FILE") from None


def _read(source: BinaryIO) -> bytes:
    piece: bytes = source.read1(PIECE_SIZE_BYTES)  # type: ignore[attr-defined]
    return piece


def _is_ready(source: BinaryIO) -> bool:
    """Whether more can be read without a wait; an end can be read too."""
    try:
        return bool(select.select([source.fileno()], [], [], 0)[0])
    except (OSError, ValueError):  # it has no descriptor: a test replaced it
        return False
