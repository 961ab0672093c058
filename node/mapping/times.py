"""Turns dates and times of columns into spans of milliseconds, with the zone. Pure.

It reads the zone database once for each IANA name. Rules:
- A span is as long as the format is precise: a year, a month, a day, an hour; a moment has no end.
- A day begins at its first moment, which is not midnight where the clocks skip it.
- A time without a zone is local time. A local time that the clocks skipped is an error. If the clocks showed a local
  time twice, the first counts.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from node.mapping.column_error import ColumnError
from node.mapping.date_formats import DateFormat
from node.mapping.date_values import Precision
from node.rows.date_cell import DateCell
from schemas.excerpts import quoted

_OFFSET: Final = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_GAP_MAX: Final = timedelta(hours=26)  # Samoa once skipped a day

Span = tuple[int, int | None]
"""Begin and end in ms; None for a moment."""


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


def span_of(day: str, format_: DateFormat, zone: tzinfo) -> Span:
    """Begin and end of a date column."""
    local, precision = time_of(day, format_)
    try:
        return _span(local, precision, zone)
    except OverflowError:
        raise ColumnError("not_a_time", f"{quoted(day)} is outside the calendar") from None


def moment_of(day: str, day_format: DateFormat, clock: str, clock_format: DateFormat, zone: tzinfo) -> Span:
    """The span of a date and a time of day that are in two columns: a moment, or an hour if there are no minutes."""
    date_part, _ = time_of(day, day_format)
    clock_part, precision = time_of(clock, clock_format)
    local = datetime.combine(date_part.date(), clock_part.timetz())
    try:
        return _span(local, precision, zone)
    except OverflowError:
        raise ColumnError("not_a_time", f"{quoted(day)} is outside the calendar") from None


def date_text_of(text: str, format_: DateFormat) -> str:
    """A date as YYYY, YYYY-MM or YYYY-MM-DD, as precise as its format."""
    local, precision = time_of(text, format_)
    return local.date().isoformat()[: {Precision.YEAR: 4, Precision.MONTH: 7}.get(precision, 10)]


def time_of(text: str, format_: DateFormat) -> tuple[datetime, Precision]:
    """The time of a text, or of a cell that is a date, and how precise it is. Raises ColumnError."""
    if isinstance(text, DateCell):
        if text.moment.date() == date.min and "H" not in format_.parts and "I" not in format_.parts:
            raise ColumnError("not_a_time", f"{quoted(text)} is a time of day without a date")
        exact = text.moment.time() != time()
        return text.moment, Precision.MOMENT if exact else max(Precision.DAY, format_.precision)
    return _time_of(text, format_)


@lru_cache(maxsize=4096)
def _time_of(text: str, format_: DateFormat) -> tuple[datetime, Precision]:
    return format_.read(text)


@lru_cache(maxsize=4096)
def _span(local: datetime, precision: Precision, zone: tzinfo) -> Span:
    if precision is Precision.MOMENT:
        return _ms(local, zone), None
    if precision is Precision.HOUR:
        start = _ms(local, zone)
        return start, start + 3_599_999
    following = local + timedelta(days=1)
    if precision is Precision.MONTH:
        following = (local + timedelta(days=31)).replace(day=1)
    elif precision is Precision.YEAR:
        following = local.replace(year=local.year + 1) if local.year < 9999 else local + timedelta(days=366)
    start, end = _first_moment(local, zone), _first_moment(following, zone)
    if start >= end:
        raise ColumnError("not_a_time", f"{local:%Y-%m-%d} does not exist in {zone}: the calendar skipped it")
    return start, end - 1


def _ms(local: datetime, zone: tzinfo) -> int:
    """Milliseconds since 1970 of a local time; a time that was read with %z keeps its own offset."""
    aware = local if local.tzinfo is not None else local.replace(tzinfo=zone)
    moment = aware.astimezone(UTC)
    if moment.astimezone(aware.tzinfo).replace(tzinfo=None) != aware.replace(tzinfo=None):
        raise ColumnError("not_a_time", f"{local:%Y-%m-%d %H:%M} does not exist in {zone}: the clocks skipped it")
    return (moment - _EPOCH) // _MILLISECOND


def _first_moment(day: datetime, zone: tzinfo) -> int:
    """The first moment, in ms since 1970, at which the calendar of the zone shows this day or a later one."""
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=zone)
    moment = midnight.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return (moment - _EPOCH) // _MILLISECOND
    before, after = moment - _GAP_MAX, moment + _GAP_MAX
    while after - before > _MILLISECOND:
        middle = before + (after - before) / 2
        if middle.astimezone(zone).date() >= midnight.date():
            after = middle
        else:
            before = middle
    return -((_EPOCH - after) // _MILLISECOND)
