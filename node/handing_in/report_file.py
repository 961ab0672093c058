"""The reports of a file of any size, as node/reports/ndjson.py defines them, with at most one line of it in memory.

A file that is larger than one report is read as lines. If it begins an object and no line is an object, it is one
report that is too large: then it is read twice, as only its end shows that.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

from node.reports.line_cutter import LineCutter
from node.reports.ndjson import BYTE_ORDER_MARK, ITEM_SIZE_BYTES_MAX, Item, parse_lines, parse_object

PIECE_SIZE_BYTES: Final = 1024 * 1024


def items_of_file(source: BinaryIO) -> Iterator[Item]:
    """The items of a regular file that is open at its beginning. Raises OSError."""
    begin = source.read(len(BYTE_ORDER_MARK) + ITEM_SIZE_BYTES_MAX + 1)
    text = begin.removeprefix(BYTE_ORDER_MARK)
    if len(text) <= ITEM_SIZE_BYTES_MAX:
        yield from parse_lines(begin)
    elif text.lstrip().startswith(b"{") and not any(isinstance(item, dict) for _, item in _lines(source)):
        yield text[: len(text) - len(text.lstrip())].count(b"\n") + 1, parse_object(text)
    else:
        yield from _lines(source)


def _lines(source: BinaryIO) -> Iterator[Item]:
    source.seek(0)
    lines = LineCutter()
    while piece := source.read(PIECE_SIZE_BYTES):
        yield from lines.feed(piece)
    yield from lines.end()
