"""Normalises and checks identifiers by scheme, so that two police forces can compare them.

Pure. Intake, step 16 of the verification and searches use the same rules, so a search finds a value in any spelling.

Rules:
- A normalised value is in upper case without separators. PHONE is E.164 with its plus. NAME keeps its punctuation and
  single spaces, and loses its accents.
- Normalising a normalised value does not change it.
- Recipients compare with looser rules that never change (node/reports/wire_forms.py).
- A number that a program made of an identifier (3001234567.0, 5.73E+11) is refused. Characters that no reader sees are
  dropped.
- Where a scheme has Latin letters only, Greek and Cyrillic letters that look the same are Latin, and digits of other
  scripts are 0 to 9. The free schemes keep their letters; node/reports/match_keys.py compares them.
- The check digits of IBAN and IMO are checked: every issuer computes them. Those of a VIN are not: only North America
  requires them.
- A national phone number needs its country; the country is not guessed.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from node.reports.identifier_text import (
    FOLD_ROUNDS_MAX,
    VALUE_LENGTH_MAX,
    IdentifierError,
    compact,
    fold_name,
    refuse_number,
)
from node.reports.letters import latin, plain_digits, without_unseen
from node.reports.mmsi import normalise_mmsi
from node.reports.phone_numbers import normalise_phone

NAME_BYTES_MAX: Final = 256  # the limit of the schema; company names are longer than the 39 characters of ICAO 9303
VIN_LENGTH: Final = 17
_CROSS: Final = "(?<=[0-9])\\s*[+\u2720\u271a]\\s*(?=[0-9])"
LATIN_ONLY: Final = frozenset({"VIN", "IMO", "MMSI", "AIRCRAFT_REGISTRATION", "PASSPORT", "ID_CARD", "IBAN"})
_IBAN_LENGTHS: Final = Path(__file__).parent / "data/iban_lengths.json"


def normalise(scheme: str, value: str, country: str | None = None) -> str:
    """The normalised form of `value`. Only national phone numbers need `country` (ISO 3166-1 alpha-2).

    Raises `IdentifierError`, and `KeyError` for an unknown scheme: callers check the code list first.
    """
    check = SCHEMES[scheme]
    if scheme != "NAME":
        refuse_number(value)
    text = without_unseen(value)
    if scheme in LATIN_ONLY and not text.isascii():
        text = latin(plain_digits(unicodedata.normalize("NFKC", text).upper()))
    return check(text, country)


def _pattern(name: str, pattern: str, hint: str) -> Callable[[str, str | None], str]:
    """A scheme that a pattern describes."""
    compiled = re.compile(pattern)

    def check(value: str, _country: str | None) -> str:
        text = compact(value)
        if not compiled.fullmatch(text) or len(text) > VALUE_LENGTH_MAX:
            raise IdentifierError(f"{value[:VALUE_LENGTH_MAX]!r} is not a valid {name}", hint)
        return text

    return check


def _free(name: str) -> Callable[[str, str | None], str]:
    """A scheme without a pattern: letters and digits of any script."""

    def check(value: str, _country: str | None) -> str:
        text = compact(value)
        if not text.isalnum() or len(text) > VALUE_LENGTH_MAX or compact(text) != text:
            hint = f"write 1 to {VALUE_LENGTH_MAX} letters and digits; separators are removed"
            raise IdentifierError(f"{value[:VALUE_LENGTH_MAX]!r} is not a valid {name}", hint)
        return text

    return check


_imo_digits = _pattern("IMO number", r"(IMO)?[0-9]{7}", "write seven digits, such as IMO 9074729")


def _imo(value: str, country: str | None) -> str:
    """IMO Resolution A.1117(30): the last digit is the last of 7·d1 + 6·d2 + … + 2·d6."""
    digits = _imo_digits(value, country).removeprefix("IMO")
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(7, 1, -1), strict=False))
    if total % 10 != int(digits[6]):
        raise IdentifierError(
            f"the check digit of IMO {digits} must be {total % 10}", "check the number for a typing error"
        )
    return digits


_iban_characters = _pattern(
    "IBAN", r"[A-Z]{2}[0-9]{2}[A-Z0-9]{4,30}", "write country, two check digits and account number"
)


@cache
def _iban_lengths() -> dict[str, int]:
    lengths: dict[str, int] = json.loads(_IBAN_LENGTHS.read_text("utf-8"))["lengths"]
    return lengths


def check_iban_digits(value: str, country: str | None) -> str:
    """ISO 13616: remainder 1 modulo 97."""
    text = _iban_characters(value, country)
    if int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 != 1:
        raise IdentifierError(f"the check digits of {text} do not fit", "check the number for a typing error")
    return text


def _iban(value: str, country: str | None) -> str:
    """The check digits, after the length that the country of the account uses."""
    text = _iban_characters(value, country)
    length = _iban_lengths().get(text[:2])
    if length is None:
        raise IdentifierError(f"{text[:2]} issues no IBANs", "the first two letters are the country of the account")
    if len(text) != length:
        raise IdentifierError(
            f"an IBAN of {text[:2]} has {length} characters, not {len(text)}", "copy the whole number"
        )
    return check_iban_digits(text, country)


def _name(value: str, _country: str | None) -> str:
    """Upper case without accents, with single spaces and plain apostrophes, so that spellings of a name are equal."""
    text = fold_name(value)
    stable = text.isascii() or text == value  # then it does not change again
    for _ in range(0 if stable else FOLD_ROUNDS_MAX):
        text, before = fold_name(text), text
        if stable := text == before:
            break
    printable = text.isprintable() or all(unicodedata.category(character)[0] != "C" for character in text)
    if (
        not (stable or fold_name(text) == text)
        or not printable
        or not any(map(str.isalnum, text))
        or len(text.encode()) > NAME_BYTES_MAX
    ):
        raise IdentifierError(
            f"{value[:VALUE_LENGTH_MAX]!r} is not a valid name",
            f"write 1 to {NAME_BYTES_MAX} bytes of printable characters",
        )
    return text


_aircraft_characters = _pattern(
    "aircraft registration", r"[A-Z0-9]{2,10}", "write it as painted, such as V3-HGX or 43+29"
)


def _aircraft(value: str, country: str | None) -> str:
    """A civil registration or a military mark, whose plus stands for the cross between two numbers."""
    return _aircraft_characters(re.sub(_CROSS, "", unicodedata.normalize("NFKC", value)), country)


SCHEMES: Final[dict[str, Callable[[str, str | None], str]]] = {
    "PLATE": _free("number plate"),
    "VIN": _pattern(
        "VIN", rf"[A-HJ-NPR-Z0-9]{{{VIN_LENGTH}}}", f"write {VIN_LENGTH} letters and digits without I, O and Q"
    ),
    "IMO": _imo,
    "MMSI": normalise_mmsi,
    "AIRCRAFT_REGISTRATION": _aircraft,
    "SERIAL": _free("serial number"),
    "PASSPORT": _pattern("passport number", r"[A-Z0-9]{3,20}", "write 3 to 20 letters A to Z and digits (ICAO 9303)"),
    "ID_CARD": _pattern("identity card number", r"[A-Z0-9]{3,30}", "write 3 to 30 letters A to Z and digits"),
    "PHONE": normalise_phone,
    "IBAN": _iban,
    "CASE": _free("case number"),
    "NAME": _name,
}
