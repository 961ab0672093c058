"""Reads numbers as offices write them: decimal comma, groups of three digits, exponents. Pure.

No value passes through a float. Nothing is guessed: a number that does not have the form of the mapping is an error.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Final

from node.mapping.column_error import ColumnError
from schemas.excerpts import quoted

_PLAIN: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,40})?")
_SPACES: Final = " \u00a0\u2009\u202f"
_APOSTROPHES: Final = "'\u2019"
_MINUSES: Final = ("-", "\u2212")
_DIGITS_MAX: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberForm:
    """How the numbers of a column are written."""

    decimal: str = "."
    thousands: str | None = None
    exponents: bool = False

    def example(self) -> str:
        """A number in this form."""
        return f"1{self.thousands or ''}250{self.decimal}75"


PLAIN: Final = NumberForm()


def number_of(text: str, form: NumberForm = PLAIN) -> Decimal:
    """The number that a text stands for. Raises ColumnError."""
    return Decimal(plain_text(text, form))


def plain_text(text: str, form: NumberForm = PLAIN) -> str:
    """The number with a decimal point and nothing between its digits, with all its decimals. Raises ColumnError."""
    text = text.strip()
    if form is PLAIN or (form.decimal == "." and form.thousands is None and not form.exponents):
        if not _PLAIN.fullmatch(text):
            raise _not_a_number(text, form)
        return text
    match = _pattern(form).fullmatch(text)
    if match is None:
        raise _not_a_number(text, form)
    sign, digits, fraction, exponent = match.groups()
    digits = re.sub(r"[^0-9]", "", digits)
    minus = "-" if sign in _MINUSES else ""
    plain = f"{minus}{digits}" + (f".{fraction}" if fraction else "")
    if len(digits) > _DIGITS_MAX:
        raise _not_a_number(text, form)
    if exponent:
        number = Decimal(f"{plain}e{exponent}")
        if abs(number.adjusted()) > _DIGITS_MAX:
            raise _not_a_number(text, form)
        plain = f"{number:f}"
    return plain


def scale(text: str, places: int, form: NumberForm = PLAIN) -> int:
    """A decimal times 10^places, rounded half to even; 6 places turn degrees into microdegrees."""
    return int(number_of(text, form).scaleb(places).to_integral_value(ROUND_HALF_EVEN))


def whole(text: str, form: NumberForm = PLAIN, *, rounded: bool = False) -> int:
    """A whole number; one with decimals other than zero is refused, or rounded half to even."""
    number = number_of(text, form)
    result = number.to_integral_value(ROUND_HALF_EVEN)
    if result != number and not rounded:
        raise ColumnError("not_a_number", f"{quoted(text)} is not a whole number; `decimals = 0` rounds it")
    return int(result)


def rounded_text(text: str, decimals: int | None, form: NumberForm = PLAIN) -> str:
    """A decimal as text, rounded half to even if it has more than `decimals` decimals."""
    plain = plain_text(text, form).removeprefix("+")
    if decimals is None or len(plain.partition(".")[2]) <= decimals:
        return plain
    return f"{Decimal(plain).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN):f}"


def _not_a_number(text: str, form: NumberForm) -> ColumnError:
    message = f"{quoted(text)} is not a decimal number such as {form.example()}"
    return ColumnError("not_a_number", message)


@lru_cache(maxsize=64)
def _pattern(form: NumberForm) -> re.Pattern[str]:
    group = {" ": _SPACES, "'": _APOSTROPHES, None: ""}.get(form.thousands, form.thousands or "")
    # No group begins with a zero: 0.045 with a decimal comma is not 45, but the mapping is wrong.
    digits = "[0-9]{1,18}" + (f"|[1-9][0-9]{{0,2}}(?:[{re.escape(group)}][0-9]{{3}}){{1,5}}" if group else "")
    exponent = "(?:[eE]([+-]?[0-9]{1,3}))?" if form.exponents else "()"
    return re.compile(rf"([+\-\u2212]?)({digits})(?:{re.escape(form.decimal)}([0-9]{{1,40}}))?{exponent}")
