"""Normalises phone numbers to ITU-T E.164: plus, calling code, national number.

Pure, except that it reads the table of numbering plans once (docs/decisions/0040). Rules:

- A number with `+` or `00` begins with its calling code, also in brackets.
- Behind a calling code, `(0)` is dropped if the country has a trunk prefix that begins with 0: no number of such a
  country begins with it in E.164. The zero is kept elsewhere, as in Italy. A zero without brackets is refused, and the
  hint shows the number without it: it is a trunk prefix, or a digit of a number that is written wrongly.
- Another number needs its country; the country is not guessed. It is a national number, with or without the trunk
  prefix of the country, or it begins with the calling code of the country and only lacks the plus.
- A number whose length fits both begins with the calling code if the numbering plan has no national number of this
  length that begins with these digits. Otherwise it is refused: the hint shows the two numbers.
"""

import json
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any, Final

from node.reports.identifier_text import VALUE_LENGTH_MAX, IdentifierError, visible, without_separators
from node.reports.letters import plain_digits

E164_DIGITS_MAX: Final = 15
_INTERNATIONAL: Final = re.compile(r"[(\s]*(\+|00)")  # +502 2412 3456, (+502) 2412 3456, 00502 2412 3456
_NUMBERING_PLANS: Final = Path(__file__).parent / "data/phone_numbers.json"


@cache
def _plans() -> Any:
    """`lengths`: calling code -> lengths of national numbers; `regions`: country -> calling code and trunk prefix;
    `never_national`: calling code -> lengths at which no national number begins with the digits of the code.
    """
    return json.loads(_NUMBERING_PLANS.read_text("utf-8"))


def normalise_phone(value: str, country: str | None) -> str:
    """ITU-T E.164: plus, calling code, and a national number of a length that the country uses."""
    text = plain_digits(unicodedata.normalize("NFKC", visible(value))).strip()
    international = _INTERNATIONAL.match(text)
    digits = without_separators(text).removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise IdentifierError(
            f"{value[:VALUE_LENGTH_MAX]!r} is not a phone number", "write digits, such as +501 223 2222"
        )
    if international:
        digits = digits if international[1] == "+" else digits[2:]
        if "(0)" in text and _trunk_zero(_code_of(digits)):
            return normalise_phone(text.replace("(0)", ""), country)
        return _e164(digits)
    return _of_country(digits, country)


def _e164(digits: str) -> str:
    lengths = _plans()["lengths"]
    code = _code_of(digits)
    if not code:
        raise IdentifierError(f"+{digits[:3]} is not a calling code", "write + and the country's calling code first")
    if len(digits) > E164_DIGITS_MAX or len(digits) - len(code) not in lengths[code]:
        raise IdentifierError(
            f"+{code} has no numbers of {len(digits) - len(code)} digits",
            f"write {', '.join(map(str, lengths[code]))} digits after the calling code",
        )
    trunk = _trunk_zero(code)
    if trunk and digits.startswith(code + trunk):
        reason = f"no number of +{code} begins with {trunk} behind the calling code"
        raise IdentifierError(reason, f"write +{code}{digits.removeprefix(code + trunk)} if {trunk} is a trunk prefix")
    return f"+{digits}"


def _code_of(digits: str) -> str:
    """The calling code with which the digits begin; empty without one."""
    lengths = _plans()["lengths"]
    return next((digits[:n] for n in (1, 2, 3) if digits[:n] in lengths), "")


@cache
def _trunk_zero(code: str) -> str:
    """The trunk prefix of the countries of a calling code, if it begins with 0 in each of them; else empty."""
    trunks = {trunk for of_country, trunk in _plans()["regions"].values() if of_country == code}
    return trunks.pop() if len(trunks) == 1 and min(trunks).startswith("0") else ""


def _of_country(digits: str, country: str | None) -> str:
    """The number of a country that is written without a plus."""
    tables = _plans()
    if country is None:
        hint = "write it with + and the calling code, or name the country"
        raise IdentifierError(f"{digits} is a national number without a country", hint)
    if country not in tables["regions"]:
        raise IdentifierError(
            f"the calling code of {country!r} is unknown", "write the number with + and the calling code"
        )
    code, trunk = tables["regions"][country]
    readings = _readings(digits, code, trunk, tables["lengths"][code])
    if not readings:
        hint = "write it with + if it begins with a calling code"
        raise IdentifierError(f"{country} has no numbers of {len(digits)} digits", hint)
    if len(readings) > 1:
        reason = f"{digits} is a national number of {country}, or it begins with the calling code {code}"
        raise IdentifierError(reason, f"write {' or '.join(readings)}")
    return _e164(readings[0].removeprefix("+"))


def _readings(digits: str, code: str, trunk: str, lengths: list[int]) -> list[str]:
    """The numbers that these digits can be, in E.164. A trunk prefix only stands before a national number."""
    if trunk and digits.startswith(trunk) and len(digits) - len(trunk) in lengths:
        return [f"+{code}{digits.removeprefix(trunk)}"]
    national = [f"+{code}{digits}"] if len(digits) in lengths else []
    if not digits.startswith(code) or len(digits) - len(code) not in lengths:
        return national
    if len(digits) in _plans()["never_national"].get(code, ()):
        return [f"+{digits}"]
    return [*national, f"+{digits}"]
