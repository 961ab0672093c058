"""Reads the fields of a form that a browser posted: few and short ones."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from node.errors import UsageError

BODY_SIZE_BYTES_MAX: Final = 16_384
FIELDS_MAX: Final = 20
_TYPE: Final = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields; of a field that comes twice, the last. Raises UsageError `form_invalid`."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != _TYPE:
        raise UsageError("form_invalid", f"the console reads forms of the type {_TYPE}", path="Content-Type")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_SIZE_BYTES_MAX:
            message = f"the form is larger than {BODY_SIZE_BYTES_MAX:,} bytes"
            raise UsageError("form_invalid", message, hint="shorten the reason")
    try:
        fields = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict", encoding="utf-8"
        )
    except (UnicodeDecodeError, ValueError):
        raise UsageError("form_invalid", "the form is not UTF-8, or has too many fields") from None
    return dict(fields)
