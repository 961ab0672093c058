"""The cursors of lists: the place of the last item of a page, as a text that callers only pass back. Pure."""

import base64
import binascii
from collections.abc import Sequence
from typing import Final

import msgspec

from node.errors import UsageError

CURSOR_LENGTH_MAX: Final = 1_000
NUMBER_DIGITS_MAX: Final = 18  # of an id of a database, which is below 2^63
LARGEST_INTEGER: Final = 2**63 - 1
"""The largest number of a database."""

Part = str | int


def cursor_text(parts: Sequence[Part]) -> str:
    """The place as a text of letters, digits, `-` and `_`."""
    return base64.urlsafe_b64encode(msgspec.json.encode(list(parts))).decode().rstrip("=")


def parse_cursor(text: str | None, kinds: Sequence[type[Part]]) -> tuple[Part, ...] | None:
    """The place in a cursor whose parts have these types; None for no cursor. Raises UsageError for another text."""
    if text is None:
        return None
    parts = _decoded(text)
    fits = isinstance(parts, list) and len(parts) == len(kinds)
    if not fits or any(not _is_part(part, kind) for part, kind in zip(parts, kinds, strict=True)):
        raise cursor_invalid()
    return tuple(parts)


def parse_number(text: str) -> int | None:
    """The number that is the whole cursor of a list in the order of ids; None for another text."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS_MAX
    return int(text) if is_number else None


def cursor_invalid() -> UsageError:
    """The error for a text that is not a cursor of this list."""
    hint = "take it from `next` of the last answer, and change nothing in it"
    return UsageError("value_invalid", "the text is not a cursor of this list", path="after", hint=hint)


def _decoded(text: str) -> list[Part]:
    if len(text) > CURSOR_LENGTH_MAX or not text.isascii():
        raise cursor_invalid()
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(decoded, type=list[str | int])
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        raise cursor_invalid() from None


def _is_part(part: Part, kind: type[Part]) -> bool:
    if kind is int:
        return isinstance(part, int) and 0 <= part <= LARGEST_INTEGER
    return isinstance(part, str) and "\0" not in part
