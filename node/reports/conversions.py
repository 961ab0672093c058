"""What becomes of one column's text: tables, padding, scaling, dates and times with their zone, templates.

Pure, but for the zone database that `zone_of` reads once for each IANA name. Text goes in, text or whole numbers come
out; nothing passes through a float.

Rules:
- A value that its table does not list is refused with the values that it lists, unless the table says otherwise.
- A time without a zone is local to the mapping's zone; a local time that the clocks skipped is refused, of
  one that they showed twice the first counts. A date without a time is the whole day, there.
"""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from schemas.types import MappingTable

ALLOWED_MAX: Final = 50  # of a table's values in an error; a longer list helps nobody
SHOWN_LENGTH_MAX: Final = 60
_OFFSET: Final = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,40})?")
_PLACEHOLDER: Final = re.compile(r"\{([^{}|]+)(?:\|([^{}]*))?\}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class ColumnError(ValueError):
    """A column's text can't become what the mapping asks for."""

    def __init__(self, code: str, message: str, allowed: Collection[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.allowed = tuple(allowed)[:ALLOWED_MAX]


def shown(text: str) -> str:
    """A value as an error quotes it."""
    return repr(text if len(text) <= SHOWN_LENGTH_MAX else f"{text[:SHOWN_LENGTH_MAX]}…")


def looked_up(table: MappingTable, text: str) -> tuple[str, ...]:
    """The codes of `text`, those of every other value, or `ColumnError`."""
    codes = table.codes.get(text, table.otherwise)
    if not codes and text not in table.codes:
        raise ColumnError("unknown_value", f"{shown(text)} is not in the table", sorted(table.codes))
    return codes


def scaled(text: str, places: int) -> int:
    """A decimal shifted by `places`, rounded half to even: degrees as text to whole microdegrees."""
    if not _DECIMAL.fullmatch(text.strip()):
        raise ColumnError("not_a_number", f"{shown(text)} is no decimal number")
    return int(Decimal(text.strip()).scaleb(places).to_integral_value(ROUND_HALF_EVEN))


def padded(text: str, length: int) -> str:
    """A code of digits with the zeros that a spreadsheet took from its left."""
    if len(text) > length or not text.isdigit():
        raise ColumnError("not_a_code", f"{shown(text)} is no code of {length} digits")
    return text.zfill(length)


def filled(template: str, values: Mapping[str, str | None]) -> str | None:
    """The template with its columns; None if one without a substitute has no value."""
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
        message = f"{shown(name)} is no zone known here: UTC, an offset such as -05:00 or an IANA name"
        raise ColumnError("unknown_zone", message) from None


def parsed_date(text: str, date_format: str) -> date:
    """A date written as `date_format` says."""
    return _parsed(text, date_format).date()


def moment(day: str, date_format: str, zone: tzinfo) -> tuple[int, int | None]:
    """From and until, ms, of a date column alone: a moment if its format has the hour, else the whole day."""
    parsed = _parsed(day, date_format)
    if "%H" in date_format or "%I" in date_format:
        return _ms(parsed, zone), None
    start = _ms(datetime.combine(parsed.date(), time()), zone)
    following = _ms(datetime.combine(parsed.date() + timedelta(days=1), time()), zone)
    return start, following - 1


def moment_of_day(day: str, date_format: str, clock: str, time_format: str, zone: tzinfo) -> int:
    """The ms of a date and a time of day in two columns."""
    return _ms(datetime.combine(parsed_date(day, date_format), _parsed(clock, time_format).time()), zone)


def _parsed(text: str, pattern: str) -> datetime:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007, the zone follows in _ms
    except ValueError:
        raise ColumnError("not_a_time", f"{shown(text)} does not fit {pattern}") from None


def _ms(local: datetime, zone: tzinfo) -> int:
    """Milliseconds since 1970 of a wall-clock time; what strptime read with %z keeps its own offset."""
    aware = local if local.tzinfo is not None else local.replace(tzinfo=zone)
    moment = aware.astimezone(UTC)
    if moment.astimezone(aware.tzinfo).replace(tzinfo=None) != aware.replace(tzinfo=None):
        raise ColumnError("not_a_time", f"{local:%Y-%m-%d %H:%M} does not exist in {zone}: the clocks skipped it")
    return (moment - _EPOCH) // _MILLISECOND
