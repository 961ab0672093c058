"""Splits JSON or NDJSON bytes into objects. A bad line is one refused item, and parsing continues with the next line.

Pure. It does not check whether an object is a report (node/reports/validate.py).

Rules:
- The input is one JSON object on one or several lines, or NDJSON with one object on each line. Blank lines are skipped.
- A line, or the single object, is at most 1 MB. A report that fits into a record is a quarter of that.
- If the first line begins an object and no line is a complete object, the whole input is one malformed object.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from schemas.field_errors import FieldError
from schemas.json_form.strict_json import JsonError, decode

ITEM_SIZE_BYTES_MAX: Final = 1_000_000  # the payload's limit is 258,048 bytes; JSON with escapes may need more
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n|\n|\r(?!\n)")
TOO_LARGE: Final = FieldError(
    path="", code="too_large", message=f"is longer than {ITEM_SIZE_BYTES_MAX:,} bytes, the limit of one report as JSON"
)

Item = tuple[int, dict[str, Any] | FieldError]
"""Line number from 1, and the object or the error."""

Items = Sequence[Item]


def parse_lines(data: bytes) -> Iterator[Item]:
    """The items of `data` in the order of their lines."""
    data = data.removeprefix(BYTE_ORDER_MARK)
    if len(data) <= ITEM_SIZE_BYTES_MAX and _is_one_value(whole := parse_object(data)):
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
    """The JSON object, or the error if `data` is not one."""
    if len(data) > ITEM_SIZE_BYTES_MAX:
        return TOO_LARGE
    try:
        value = decode(data)
    except JsonError as error:
        return FieldError(path=error.path, code=error.code, message=error.message)
    if not isinstance(value, dict):
        return FieldError(path="", code="not_an_object", message="a report is a JSON object")
    return value


def _is_one_value(parsed: dict[str, Any] | FieldError) -> bool:
    """Whether the input is one JSON value, although it may break a rule."""
    return isinstance(parsed, dict) or parsed.code in ("duplicate", "not_an_object")


def _is_object(line: bytes) -> bool:
    return isinstance(parse_object(line), dict)
