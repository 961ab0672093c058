"""Guesses what the columns of a file are, from their names and the first rows. Pure.

A guess is a proposal for a mapping that a person reads.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.mapping.column_error import ColumnError
from node.mapping.date_formats import compile_format

Samples = Mapping[str, Sequence[str]]
"""Column -> its values in the first rows, without the empty ones."""

DATE_FORMATS: Final = (
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%d-%b-%Y", "%d %b %Y", "%Y%m%d",
    "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M",
    "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%Y-%m", "%m/%Y", "%Y",
)  # fmt: skip
TIME_FORMATS: Final = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%H%M")
_LATITUDE: Final = re.compile(r"lat(itude?|itud)?\b|^y$", re.IGNORECASE)
_LONGITUDE: Final = re.compile(r"l(on|ng|ong)(gitude?|itude|gitud)?\b|^x$", re.IGNORECASE)
_KEY: Final = re.compile(r"(^|[^a-z])(id|no|nr|num|number|numero|case|caso|ref|folio)([^a-z]|$)", re.IGNORECASE)
_COMMA: Final = re.compile(r"[+-]?[0-9]{1,3},[0-9]+")
_NAMES_OF_TIME: Final = re.compile(r"dat|fecha|day|dia|time|hora|when|jour|datum|year|año|ano", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What the columns are; None where no column fits."""

    date: str
    date_format: str
    date_found: bool
    time: str | None
    time_format: str
    text: str | None
    latitude: str | None
    longitude: str | None
    decimal: str
    key: str | None


def guess_columns(samples: Samples) -> Guess:
    """The guess for a file with at least one column."""
    dates = [(column, found) for column in _likely(samples) if (found := _format_of(samples[column], DATE_FORMATS))]
    date, date_format = dates[0] if dates else (next(iter(samples)), DATE_FORMATS[0])
    times = [
        (column, found)
        for column in _likely(samples)
        if column != date and (found := _format_of(samples[column], TIME_FORMATS)) and "H" not in date_format
    ]
    position = {
        name: next((column for column in samples if pattern.search(column) and _numbers(samples[column])), None)
        for name, pattern in (("latitude", _LATITUDE), ("longitude", _LONGITUDE))
    }
    both = position["latitude"] is not None and position["longitude"] is not None
    values = [value for column in position.values() if column is not None for value in samples[column]]
    return Guess(
        date=date,
        date_format=date_format,
        date_found=bool(dates),
        time=times[0][0] if times else None,
        time_format=times[0][1] if times else TIME_FORMATS[0],
        text=_text(samples),
        latitude=position["latitude"] if both else None,
        longitude=position["longitude"] if both else None,
        decimal="," if any(_COMMA.fullmatch(value) for value in values) else ".",
        key=next((column for column in samples if _KEY.search(column) and _unique(samples[column])), None),
    )


def _likely(samples: Samples) -> list[str]:
    """The columns, those whose name is about time first."""
    return sorted(samples, key=lambda column: _NAMES_OF_TIME.search(column) is None)


def _format_of(values: Sequence[str], formats: Sequence[str]) -> str | None:
    """The first format that fits all values; None if there is none, or no value."""
    return next((text for text in formats if values and all(_fits(value, text) for value in values)), None)


def _fits(value: str, text: str) -> bool:
    try:
        compile_format(text).read(value)
    except ColumnError:
        return False
    return True


def _numbers(values: Sequence[str]) -> bool:
    return bool(values) and all(re.fullmatch(r"[+-]?[0-9]{1,3}([.,][0-9]+)?", value) for value in values)


def _unique(values: Sequence[str]) -> bool:
    return bool(values) and len(set(values)) == len(values)


def _text(samples: Samples) -> str | None:
    """The column with the longest texts, if they have several words."""
    worded = {column: values for column, values in samples.items() if any(" " in value for value in values)}
    return max(worded, key=lambda column: sum(map(len, worded[column])), default=None)
