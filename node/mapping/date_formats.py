"""Compiles the formats of dates and times: directives as of strptime, checked when the mapping is loaded. Pure.

Rules:
- An unknown directive, a directive that occurs twice, and `%Z`, whose names are ambiguous, are refused.
- `%I` and `%p` need each other. `%y` needs a pivot. A day needs a month, a month a year, a minute an hour.
- A format is as precise as its smallest part: year, month, day, hour, or moment.
- `%b` and `%B` read names of months in five languages (node/mapping/months.py); `%a` and `%A` are read over.
- `epoch_seconds`, `epoch_milliseconds` and `excel_days` are formats of numbers.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from node.mapping.column_error import ColumnError
from node.mapping.date_values import Precision, read_epoch, read_excel_days, time_of_parts
from schemas.excerpts import quoted

_DIRECTIVES: Final = {
    "Y": r"[0-9]{4}", "y": r"[0-9]{2}", "m": r"[0-9]{1,2}", "b": r"[^\W\d_]+\.?", "d": r"[0-9]{1,2}",
    "j": r"[0-9]{1,3}", "H": r"[0-9]{1,2}", "I": r"[0-9]{1,2}", "p": r"[ap]\.? ?m\.?", "M": r"[0-9]{1,2}",
    "S": r"[0-9]{1,2}", "f": r"[0-9]{1,9}", "z": r"Z|[+-][0-9]{2}:?[0-9]{2}", "a": r"[^\W\d_]+(?:-[^\W\d_]+)?\.?",
}  # fmt: skip
_SAME: Final = {"B": "b", "h": "b", "A": "a"}
DIRECTIVES: Final = (*_DIRECTIVES, *_SAME)
"""The letters of all directives; `%%` is a percent sign. docs/integrating.md has a row for each."""

_NEEDS: Final = {
    "m": "Yy", "b": "Yy", "d": "mb", "j": "Yy", "M": "HI", "S": "M", "f": "S", "z": "HI", "I": "p", "p": "I",
}  # fmt: skip
_NAMES: Final = {"Yy": "the year", "mb": "the month", "HI": "the hour", "M": "%M", "S": "%S", "p": "%p", "I": "%I"}
_DATE_PARTS: Final = frozenset("Yymbdj")
EXCEL_DAYS: Final = "excel_days"
_NUMBERS: Final = ("epoch_seconds", "epoch_milliseconds", EXCEL_DAYS)


class FormatError(ValueError):
    """A format that a mapping must not have; the message completes a sentence that begins with the key."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DateFormat:
    """A compiled format. Formats are compared by identity: `compile_format` remembers them."""

    text: str
    parts: frozenset[str]
    precision: Precision
    read: Callable[[str], tuple[datetime, Precision]]
    """The time of a text: with a zone if the text has one, else local. Raises ColumnError."""


@lru_cache(maxsize=256)
def compile_format(text: str, pivot: int | None = None) -> DateFormat:
    """The format of dates or times. Raises FormatError."""
    if text in _NUMBERS:
        read = read_excel_days if text == EXCEL_DAYS else read_epoch(1 if text.endswith("milliseconds") else 1000)
        precision = Precision.DAY if text == EXCEL_DAYS else Precision.MOMENT
        return DateFormat(text=text, parts=frozenset({"number"}), precision=precision, read=read)
    pattern, names = _pattern(text if text.isascii() else _plain(text))
    _check(text, names, pivot)
    compiled, precision = re.compile(pattern, re.IGNORECASE), _precision(names)

    def parse(value: str) -> tuple[datetime, Precision]:
        match = compiled.fullmatch(value if value.isascii() else _plain(value))
        try:
            if match is not None:
                return time_of_parts(match.groupdict(), pivot), precision
        except (ValueError, OverflowError):
            pass
        raise ColumnError("not_a_time", f"{quoted(value)} does not fit {text}")

    return DateFormat(text=text, parts=frozenset(names), precision=precision, read=parse)


def check_date(format_: DateFormat) -> None:
    """Raise FormatError if the format is not one of dates."""
    if "number" not in format_.parts and not format_.parts & {"Y", "y"}:
        raise FormatError(f"{format_.text} has no year: add %Y")


def check_time(format_: DateFormat) -> None:
    """Raise FormatError if the format is not one of times of day."""
    if not format_.parts & {"H", "I"} or format_.parts & _DATE_PARTS:
        raise FormatError(f"{format_.text} is not a time of day: it needs %H, or %I with %p, and no date")


def _plain(value: str) -> str:
    """A text with composed letters and plain blanks: systems write p.m. with other blanks, and add direction marks."""
    return "".join(
        character for character in unicodedata.normalize("NFKC", value) if unicodedata.category(character) != "Cf"
    )


def _pattern(text: str) -> tuple[str, list[str]]:
    """The regular expression of a format, and its directives."""
    parts = re.findall(r"%.?|[^%]+", text)
    pattern, names = "", list[str]()
    for index, part in enumerate(parts):
        if not part.startswith("%"):
            pattern += re.sub(r"(\\?\s)+", r"\\s+", re.escape(part))
            continue
        if part == "%%":
            pattern += "%"
            continue
        name = _SAME.get(part[1:], part[1:])
        if part == "%Z":
            raise FormatError("%Z reads no zone reliably: set `zone`, or use %z for offsets")
        if name not in _DIRECTIVES:
            known = " ".join(f"%{letter}" for letter in DIRECTIVES)
            raise FormatError(f"there is no directive {part} here; these exist: {known} %%")
        if name in names:
            raise FormatError(f"{part} occurs twice")
        names.append(name)
        beside = parts[max(0, index - 1) : index] + parts[index + 1 : index + 2]
        tight = any(neighbour.startswith("%") and neighbour != "%%" for neighbour in beside)
        piece = _DIRECTIVES[name].replace("{1,2}", "{2}") if tight else _DIRECTIVES[name]
        pattern += f"(?P<{name}>{piece})"
    return pattern, names


def _check(text: str, names: list[str], pivot: int | None) -> None:
    if "H" in names and "p" in names:
        raise FormatError(f"{text} has %p with %H, and %p belongs to %I")
    for name in names:
        needed = _NEEDS.get(name, "")
        if needed and not any(other in names for other in needed):
            raise FormatError(f"{text} has %{name} without {_NAMES[needed]}")
    if "y" in names and pivot is None:
        raise FormatError(f"{text} has a two-digit year: set `pivot`, the first of the hundred years that it means")
    if len({"Y", "y"} & set(names)) > 1 or len({"m", "b", "j"} & set(names)) > 1 or len({"H", "I"} & set(names)) > 1:
        raise FormatError(f"{text} has a part of the date or time twice")
    if not names:
        raise FormatError(f"{text} has no directive, such as %Y")


def _precision(names: list[str]) -> Precision:
    if "H" in names or "I" in names:
        return Precision.MOMENT if "M" in names else Precision.HOUR
    if "d" in names or "j" in names:
        return Precision.DAY
    return Precision.MONTH if "m" in names or "b" in names else Precision.YEAR
