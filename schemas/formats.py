"""Texts that people and JSON use for what the schemas hold as numbers and bytes. Pure.

- a date `YYYY-MM-DD` is days since 1970
- a time is RFC 3339 with an offset, at most milliseconds; written in UTC with `Z`; milliseconds since 1970
- a UUID is 16 bytes, or text in lower case
- other bytes are base64 with padding
Readers raise ValueError with what would have been right.
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
    """2026-01-31 of days since 1970; of years 1 to 9999."""
    return date.fromordinal(_EPOCH_DAY + days).isoformat()


def parse_date(text: str) -> int:
    """Days since 1970."""
    if not _DATE.fullmatch(text):
        raise ValueError("is a date YYYY-MM-DD")
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH_DAY
    except ValueError:
        raise ValueError("is no day of the calendar") from None


def time_text(ms: int) -> str:
    """2026-01-31T12:00:00Z of milliseconds since 1970, with .123 if there are any; of years 1 to 9999."""
    moment = _EPOCH + ms * _MILLISECOND
    spec = "milliseconds" if ms % 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def parse_time(text: str) -> int:
    """Milliseconds since 1970; further decimals, as most clocks write them, are cut off."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("is a time in RFC 3339 with an offset, as 2026-01-31T12:00:00Z")
    day, clock, fraction, offset = match.groups()
    offset = "+00:00" if offset in "Zz" else offset
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{offset}")
        whole = (moment - _EPOCH) // _MILLISECOND
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is no time of day and calendar") from None
    return whole + int((fraction or "").ljust(3, "0")[:3])


def time_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of a time with a zone, as a configuration file holds it."""
    return (moment - _EPOCH) // _MILLISECOND


def parse_uuid(text: str) -> UUID:
    """A UUID from its 36 characters; urn: and braces are refused."""
    if not _UUID.fullmatch(text):
        raise ValueError("is a UUID, as 2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d11")
    return UUID(text)


def bytes_text(data: bytes) -> str:
    """Base64 with padding."""
    return base64.b64encode(data).decode()


def parse_bytes(text: str) -> bytes:
    """Bytes from base64 with padding and without line ends."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is base64") from None
