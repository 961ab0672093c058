"""Normalises phone numbers to ITU-T E.164: plus, calling code, national number.

Pure, except that it reads the table of numbering plans once. A national number needs its country; the country is not
guessed.
"""

import json
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any, Final

from node.reports.identifier_text import VALUE_LENGTH_MAX, IdentifierError, visible, without_separators

E164_DIGITS_MAX: Final = 15
_NUMBERING_PLANS: Final = Path(__file__).parent / "data/phone_numbers.json"


@cache
def _plans() -> Any:
    """`lengths`: calling code -> lengths of national numbers; `regions`: country -> calling code and trunk prefix."""
    return json.loads(_NUMBERING_PLANS.read_text("utf-8"))


def normalise_phone(value: str, country: str | None) -> str:
    """ITU-T E.164: plus, calling code, and a national number of a length that the country uses."""
    text = unicodedata.normalize("NFKC", visible(value)).strip()
    international = text.startswith(("+", "00"))
    digits = without_separators(text.replace("(0)", "") if international else text).removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise IdentifierError(
            f"{value[:VALUE_LENGTH_MAX]!r} is not a phone number", "write digits, such as +501 223 2222"
        )
    if international:
        return _e164(digits if text.startswith("+") else digits[2:])
    return _national(digits, country)


def _e164(digits: str) -> str:
    lengths = _plans()["lengths"]
    code = next((digits[:n] for n in (1, 2, 3) if digits[:n] in lengths), None)
    if code is None:
        raise IdentifierError(f"+{digits[:3]} is not a calling code", "write + and the country's calling code first")
    if len(digits) > E164_DIGITS_MAX or len(digits) - len(code) not in lengths[code]:
        raise IdentifierError(
            f"+{code} has no numbers of {len(digits) - len(code)} digits",
            f"write {', '.join(map(str, lengths[code]))} digits after the calling code",
        )
    return f"+{digits}"


def _national(digits: str, country: str | None) -> str:
    tables = _plans()
    if country is None:
        hint = "write it with + and the calling code, or name the country"
        raise IdentifierError(f"{digits} is a national number without a country", hint)
    if country not in tables["regions"]:
        raise IdentifierError(
            f"the calling code of {country!r} is unknown", "write the number with + and the calling code"
        )
    code, trunk = tables["regions"][country]
    lengths = tables["lengths"][code]
    without_trunk = digits.removeprefix(trunk)
    national = without_trunk if len(without_trunk) in lengths else digits
    if len(national) not in lengths:
        hint = "write it with + if it begins with a calling code"
        raise IdentifierError(f"{country} has no numbers of {len(national)} digits", hint)
    return f"+{code}{national}"
