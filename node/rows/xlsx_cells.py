"""The text of one cell of an XLSX file, by the type and the style that the file gives it. Pure.

Rules:
- A number keeps the digits of the file, without an exponent. A number whose style is a date is a date.
- A formula has the value that the spreadsheet stored. Without one, the cell is an UnreadableCell.
- So is a shared text that the file does not have: nothing is guessed.
- An error such as #N/A is the text `#N/A`.
"""

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from node.limits import DAY_MS
from node.rows.date_cell import DateCell
from node.rows.unreadable_cell import UnreadableCell
from node.rows.xlsx_escapes import unescaped
from node.rows.xlsx_package import Workbook

_WHOLE: Final = re.compile(r"[1-9][0-9]{0,17}")
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001, a local time
_EPOCH_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001, a local time
_DAYS_MAX: Final = 2_958_466
_EXPONENT_MAX: Final = 40
_FIRST_DAY: Final = 61  # before 1 March 1900, Excel counts a day that did not exist
_DIGITS_MAX: Final = 9  # of the index of a shared text
_NO_VALUE: Final = "is a formula without a stored value: open the file in a spreadsheet and save it"
_NO_TEXT: Final = "refers to a shared text that the file does not have"


def cell_text(raw: str | None, kind: str, style: int, workbook: Workbook, *, is_formula: bool = False) -> str:
    """The text of a cell with the value `raw`, the type `kind` and the index `style`.

    `raw` is None if the cell has no value. A value that cannot be known is an UnreadableCell.
    """
    if raw is None and is_formula:
        return UnreadableCell.of(_NO_VALUE)
    if not raw:
        return ""
    if kind == "n":
        return raw if style not in workbook.dates and _WHOLE.fullmatch(raw) else _number(raw, style, workbook)
    if kind == "s":
        known = raw.isascii() and raw.isdigit() and len(raw) <= _DIGITS_MAX and int(raw) < len(workbook.texts)
        return workbook.texts[int(raw)] if known else UnreadableCell.of(_NO_TEXT)
    if kind == "b":
        return "true" if raw == "1" else "false"
    return _iso_date(raw) if kind == "d" else unescaped(raw)


def _iso_date(raw: str) -> str:
    """A cell that strict files write as ISO 8601: a date, a time of day, or both."""
    try:
        if "-" not in raw:
            return DateCell.of(datetime.combine(date.min, time.fromisoformat(raw)))
        moment = datetime.fromisoformat(raw)
    except ValueError:
        return raw.replace("T", " ")
    return raw if moment.tzinfo is not None else DateCell.of(moment)


def _number(raw: str, style: int, workbook: Workbook) -> str:
    try:
        number = Decimal(raw)
    except InvalidOperation:
        return raw
    if style in workbook.dates and number.is_finite() and 0 <= number < _DAYS_MAX:
        return _date(number, workbook)
    return _plain(number, raw)


def _plain(number: Decimal, raw: str) -> str:
    """A number without an exponent. Of a fraction, the fewest digits that are the same binary number: 0.1 stays 0.1."""
    if not number.is_finite() or abs(number.adjusted()) > _EXPONENT_MAX:
        return raw
    if number != number.to_integral_value():
        number = Decimal(repr(float(raw)))
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _date(number: Decimal, workbook: Workbook) -> str:
    days, rest = divmod(number, 1)
    ms = round(rest * DAY_MS)
    if days == 0 and (rest or not workbook.from_1904):  # a time of day without a date
        return DateCell.of(datetime(1, 1, 1) + timedelta(milliseconds=ms))  # noqa: DTZ001, a local time
    if days < _FIRST_DAY and not workbook.from_1904:
        return _plain(number, str(number))
    epoch = _EPOCH_1904 if workbook.from_1904 else _EPOCH
    ms = round(ms / 1000) * 1000 if abs(ms - round(ms / 1000) * 1000) <= 1 else ms
    return DateCell.of(epoch + timedelta(days=int(days), milliseconds=ms))
