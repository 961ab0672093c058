"""Converts the text of one column: tables, padding, scaling, templates, dates and times with their zone.

Pure, except that `zone_of` reads the zone database once for each IANA name. Input is text; output is text or whole
numbers. No value passes through a float.

Rules:
- A value that the table does not list is an error that lists the table's values, unless the table has `otherwise`.
- A time without a zone is local time of the mapping's zone. A local time that the clocks skipped is an error. If the
  clocks showed a local time twice, the first counts.
- A date without a time is the whole day in the mapping's zone.
"""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from schemas.types import MappingField, MappingTable

ALLOWED_MAX: Final = 50  # values of a table that an error lists; a longer list is not readable
QUOTED_LENGTH_MAX: Final = 60
_OFFSET: Final = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,40})?")
_PLACEHOLDER: Final = re.compile(r"\{([^{}|]+)(?:\|([^{}]*))?\}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class ColumnError(ValueError):
    """The text of a column cannot be converted as the mapping says."""

    def __init__(self, code: str, message: str, allowed: Collection[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.allowed = tuple(allowed)[:ALLOWED_MAX]


def quoted(text: str) -> str:
    """A value as an error message quotes it, shortened."""
    return repr(text if len(text) <= QUOTED_LENGTH_MAX else f"{text[:QUOTED_LENGTH_MAX]}…")


def look_up(table: MappingTable, text: str) -> tuple[str, ...]:
    """The codes of `text`, else those of `otherwise`. Raises `ColumnError` if the table has neither."""
    codes = table.codes.get(text, table.otherwise)
    if not codes and text not in table.codes:
        raise ColumnError("unknown_value", f"{quoted(text)} is not in the table", sorted(table.codes))
    return codes


def scale(text: str, places: int) -> int:
    """A decimal times 10^places, rounded half to even; 6 places turn degrees into microdegrees."""
    if not _DECIMAL.fullmatch(text.strip()):
        raise ColumnError("not_a_number", f"{quoted(text)} is not a decimal number")
    return int(Decimal(text.strip()).scaleb(places).to_integral_value(ROUND_HALF_EVEN))


def pad(text: str, length: int) -> str:
    """A code of digits with the leading zeros that a spreadsheet removed."""
    if len(text) > length or not text.isdigit():
        raise ColumnError("not_a_code", f"{quoted(text)} is not a code of at most {length} digits")
    return text.zfill(length)


def convert(field: MappingField, text: str) -> str:
    """A column's text after the conversion that its field names: pad, scale or date_format."""
    if field.pad is not None:
        return pad(text, field.pad)
    if field.scale is not None:
        return str(scale(text, field.scale))
    if field.date_format is not None:
        return date_of(text, field.date_format).isoformat()
    return text


def fill_template(template: str, values: Mapping[str, str | None]) -> str | None:
    """The template with its values. None if a column has no value and the template has no substitute for it."""
    missing = False

    def substitute(match: re.Match[str]) -> str:
        nonlocal missing
        value = values[match[1]]
        if value is None:
            value = match[2]
        missing |= value is None
        return value or ""

    text = _PLACEHOLDER.sub(substitute, template)
    return None if missing else text


def columns_of(template: str) -> tuple[str, ...]:
    """The columns that a template names."""
    return tuple(match[1] for match in _PLACEHOLDER.finditer(template))


@lru_cache(maxsize=1024)
def zone_of(name: str) -> tzinfo:
    """UTC, an offset such as -05:00, or an IANA zone. Raises `ColumnError`."""
    if name == "UTC":
        return UTC
    if match := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-offset if match[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        message = f"{quoted(name)} is not a known zone: write UTC, an offset such as -05:00 or an IANA name"
        raise ColumnError("unknown_zone", message) from None


def date_of(text: str, date_format: str) -> date:
    """A date in the format `date_format` of strptime."""
    return _parsed(text, date_format).date()


def span_of_date(day: str, date_format: str, zone: tzinfo) -> tuple[int, int | None]:
    """Begin and end in ms of a date column: a moment without an end if the format has the hour, else the whole day."""
    parsed = _parsed(day, date_format)
    if "%H" in date_format or "%I" in date_format:
        return _ms(parsed, zone), None
    start = _ms(datetime.combine(parsed.date(), time()), zone)
    following = _ms(datetime.combine(parsed.date() + timedelta(days=1), time()), zone)
    return start, following - 1


def moment_of(day: str, date_format: str, clock: str, time_format: str, zone: tzinfo) -> int:
    """Milliseconds since 1970 of a date and a time of day that are in two columns."""
    return _ms(datetime.combine(date_of(day, date_format), _parsed(clock, time_format).time()), zone)


def _parsed(text: str, pattern: str) -> datetime:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007, the zone follows in _ms
    except ValueError:
        raise ColumnError("not_a_time", f"{quoted(text)} does not fit {pattern}") from None


def _ms(local: datetime, zone: tzinfo) -> int:
    """Milliseconds since 1970 of a local time; a time that strptime read with %z keeps its own offset."""
    aware = local if local.tzinfo is not None else local.replace(tzinfo=zone)
    moment = aware.astimezone(UTC)
    if moment.astimezone(aware.tzinfo).replace(tzinfo=None) != aware.replace(tzinfo=None):
        raise ColumnError("not_a_time", f"{local:%Y-%m-%d %H:%M} does not exist in {zone}: the clocks skipped it")
    return (moment - _EPOCH) // _MILLISECOND
