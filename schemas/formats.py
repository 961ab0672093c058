"""Converts between the values of the schemas and their texts in JSON. Pure.

- A date is days since 1970; its text is `YYYY-MM-DD`.
- A time is milliseconds since 1970; its text is RFC 3339 with an offset. We write UTC with `Z`.
- A UUID is 16 bytes; its text is in lower case.
- Other bytes are base64 with padding.
A function that reads a text raises ValueError. Its message completes a sentence that begins with the field's path.
"""

import base64
import binascii
import re
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MILLISECOND: Final = timedelta(milliseconds=1)


def date_text(days: int) -> str:
    """The text of days since 1970, such as 2026-01-31; for the years 1 to 9999."""
    return date.fromordinal(_EPOCH_DAY + days).isoformat()


def parse_date(text: str) -> int:
    """Days since 1970."""
    if not _DATE.fullmatch(text):
        raise ValueError("must be a date YYYY-MM-DD")
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH_DAY
    except ValueError:
        raise ValueError("must be a day of the calendar") from None


def time_text(ms: int) -> str:
    """The text of milliseconds since 1970, such as 2026-01-31T12:00:00Z or …00.123Z; for the years 1 to 9999."""
    moment = _EPOCH + ms * _MILLISECOND
    spec = "milliseconds" if ms % 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def parse_time(text: str) -> int:
    """Milliseconds since 1970; further decimals are cut off, because many clocks write them."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("must be a time in RFC 3339 with an offset, such as 2026-01-31T12:00:00Z")
    day, clock, fraction, offset = match.groups()
    offset = "+00:00" if offset in "Zz" else offset
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{offset}")
        whole = (moment - _EPOCH) // _MILLISECOND
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time of the calendar") from None
    return whole + int((fraction or "").ljust(3, "0")[:3])


def time_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of a datetime with a zone; TOML files contain such values."""
    return (moment - _EPOCH) // _MILLISECOND


def parse_uuid(text: str) -> UUID:
    """The UUID of 36 characters; other forms, with urn: or braces, are refused."""
    if not _UUID.fullmatch(text):
        raise ValueError("must be a UUID, such as 2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d11")
    return UUID(text)


def bytes_text(data: bytes) -> str:
    """The base64 text of bytes, with padding."""
    return base64.b64encode(data).decode()


def parse_bytes(text: str) -> bytes:
    """The bytes of a base64 text with padding and without line ends."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64 with padding") from None
