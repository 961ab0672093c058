"""Reads why a caller consults reports, from the headers Enlace-Purpose and Enlace-Reason. Pure.

A header is bytes, and clients differ in how they write letters beyond ASCII. A reason is read in the first of these
ways that fits:

1. `UTF-8''` and percent-encoded UTF-8 (RFC 8187), for clients that send ASCII only: `UTF-8''Comprobaci%C3%B3n`
2. UTF-8
3. ISO 8859-1, which the older standard of HTTP prescribes
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from node.commands.justification import Justification, justification_of, required_justification
from node.errors import UsageError
from node.http.http_error import HttpError

PURPOSE_HEADER: Final = "Enlace-Purpose"
REASON_HEADER: Final = "Enlace-Reason"
_ENCODED: Final = b"utf-8''"

RawHeaders = Iterable[tuple[bytes, bytes]]


def one_header(headers: RawHeaders, name: str) -> bytes | None:
    """The value of a header; None without it. Raises HttpError `header_repeated`."""
    wanted = name.lower().encode("ascii")
    values = [value for given, value in headers if given.lower() == wanted]
    if len(values) > 1:
        message = f"the header {name} occurs {len(values)} times"
        raise HttpError(400, "header_repeated", message, path=name, hint="send it once")
    return values[0] if values else None


def stated_reason(headers: RawHeaders, *, required: bool = True) -> Justification:
    """Purpose and reason; None for one that is left out, unless they are `required`.

    Raises UsageError `purpose_missing`, `unknown_code` or `value_invalid`.
    """
    given = list(headers)
    purpose, reason = (_text(one_header(given, name), name) for name in (PURPOSE_HEADER, REASON_HEADER))
    try:
        return (required_justification if required else justification_of)(purpose, reason)
    except UsageError as error:
        error.path = {"purpose": PURPOSE_HEADER, "reason": REASON_HEADER}.get(error.path or "", error.path)
        raise


def _text(value: bytes | None, name: str) -> str | None:
    if value is None:
        return None
    if value[: len(_ENCODED)].lower() == _ENCODED:
        try:
            return unquote_to_bytes(value[len(_ENCODED) :]).decode()
        except UnicodeDecodeError:
            message = f"{name} is not percent-encoded UTF-8 (RFC 8187)"
            hint = "encode it as UTF-8''Control%20at%20Melchor"
            raise HttpError(400, "encoding_wrong", message, path=name, hint=hint) from None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
