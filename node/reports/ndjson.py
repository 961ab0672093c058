"""JSON and NDJSON handed in as bytes, item by item: a bad line is one refused item and the next line goes on.

Pure. Whether an item is a report is not asked here (node/reports/validate.py).

Rules:
- One JSON object, on one line or pretty-printed over several; or NDJSON, one object a line. Blank lines are no items.
- A line, or the single object, is at most 1 MB: a report that fits the wire is a quarter of that.
- What is broken over several lines and holds no line that is an object of its own was meant as one object.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from schemas.field_errors import FieldError

ITEM_SIZE_BYTES_MAX: Final = 1_000_000  # the payload's limit is 258,048 bytes; JSON with escapes may need more
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n|\n|\r(?!\n)")

Item = tuple[int, dict[str, Any] | FieldError]
"""Line number from 1, and the object or why there is none."""


def parse_lines(data: bytes) -> Iterator[Item]:
    """The items of `data` in their order."""
    data = data.removeprefix(_BYTE_ORDER_MARK)
    if len(data) <= ITEM_SIZE_BYTES_MAX and isinstance(whole := parse_object(data), dict):
        first_line = data[: len(data) - len(data.lstrip())].count(b"\n") + 1
        yield first_line, whole
        return
    lines = [(number, line) for number, line in enumerate(_LINE_END.split(data), start=1) if line.strip()]
    if len(lines) > 1 and lines[0][1].lstrip().startswith(b"{") and not any(_is_object(line) for _, line in lines):
        yield lines[0][0], parse_object(data)
        return
    for number, line in lines:
        yield number, parse_object(line)


def parse_object(data: bytes) -> dict[str, Any] | FieldError:
    """One JSON object, or why `data` is none."""
    if len(data) > ITEM_SIZE_BYTES_MAX:
        message = f"is longer than {ITEM_SIZE_BYTES_MAX:,} bytes, the limit of one report as JSON"
        return FieldError(path="", code="too_large", message=message)
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return FieldError(path="", code="not_json", message=f"is no JSON: {error}")
    if not isinstance(value, dict):
        return FieldError(path="", code="not_an_object", message="a report is a JSON object")
    return value


def _is_object(line: bytes) -> bool:
    return isinstance(parse_object(line), dict)
