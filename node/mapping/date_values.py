"""Makes times of the parts of a date, or of a number: seconds since 1970, serial days of a spreadsheet. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum
from typing import Final

from node.limits import DAY_MS
from node.mapping.column_error import ColumnError
from node.mapping.months import folded, months
from node.mapping.number_forms import number_of
from schemas.excerpts import quoted

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXCEL_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001, a local time
_EXCEL_DAYS: Final = (61, 2_958_466)  # before 1 March 1900, Excel counts a day that did not exist; until 9999


class Precision(IntEnum):
    """The smallest part of a format."""

    YEAR = 1
    MONTH = 2
    DAY = 3
    HOUR = 4
    MOMENT = 5


def time_of_parts(parts: dict[str, str], pivot: int | None) -> datetime:
    """The time of the parts; ValueError if it is not one of the calendar."""
    year = int(parts.get("Y") or 1900)
    if "y" in parts and pivot is not None:
        year = pivot + (int(parts["y"]) - pivot) % 100
    month = int(parts["m"]) if "m" in parts else 1
    if "b" in parts:
        month = months().get(folded(parts["b"]), 0)
    hour = int(parts.get("H") or 0)
    if "I" in parts:
        twelve = int(parts["I"])
        if not 1 <= twelve <= 12:
            raise ValueError("not an hour of the clock")
        hour = twelve % 12 + (12 if parts["p"].lower().startswith("p") else 0)
    fraction = int((parts.get("f") or "0").ljust(6, "0")[:6])
    moment = datetime(  # noqa: DTZ001, the zone follows
        year, month, int(parts.get("d") or 1), hour, int(parts.get("M") or 0), int(parts.get("S") or 0), fraction
    )
    if "j" in parts:
        moment += timedelta(days=int(parts["j"]) - 1)
        if moment.year != year or parts["j"].strip("0") == "":
            raise ValueError("not a day of the year")
    return moment.replace(tzinfo=_offset(parts["z"])) if "z" in parts else moment


def _offset(text: str) -> timezone:
    if text in "Zz":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


def read_epoch(unit_ms: int) -> Callable[[str], tuple[datetime, Precision]]:
    """The reader of numbers of seconds, or of milliseconds, since 1970; their length is `unit_ms`."""

    def read(value: str) -> tuple[datetime, Precision]:
        try:
            ms = int(number_of(value) * unit_ms)
            return _EPOCH + timedelta(milliseconds=ms), Precision.MOMENT
        except OverflowError:
            raise ColumnError("not_a_time", f"{quoted(value)} is not a time of the calendar") from None

    return read


def read_excel_days(value: str) -> tuple[datetime, Precision]:
    """The local time of a serial day of a spreadsheet. Raises ColumnError."""
    days = number_of(value)
    if not _EXCEL_DAYS[0] <= days < _EXCEL_DAYS[1]:
        raise ColumnError("not_a_time", f"{quoted(value)} is not a serial day from {_EXCEL_DAYS[0]} on")
    whole, rest = divmod(days, 1)
    moment = _EXCEL_EPOCH + timedelta(days=int(whole), milliseconds=round(rest * DAY_MS))
    return moment, Precision.MOMENT if rest else Precision.DAY
