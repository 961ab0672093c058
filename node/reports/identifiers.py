"""Identifiers in the one form that two police forces can compare: normalised and checked by scheme.

Pure. The same rules serve intake, the receiver's step 16 and searches, so a value that was found once is found always.

Rules:
- Upper case, no separators. PHONE is E.164 with its plus; NAME keeps single spaces and its punctuation, no accents.
- A normalised value is left as it is: normalise(normalise(x)) == normalise(x).
- A check digit is checked where every issuer computes it (IBAN, IMO). VIN's is not: only North America requires it.
- A national phone number needs its country; nothing is guessed.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

VALUE_LENGTH_MAX: Final = 64  # an identifier is a key, not a text; longer ones do not exist in any scheme
NAME_BYTES_MAX: Final = 256  # what the schema holds; ICAO 9303 cuts at 39, registers of companies do not
E164_DIGITS_MAX: Final = 15
VIN_LENGTH: Final = 17
FOLD_ROUNDS_MAX: Final = 4  # upper casing and decomposing settle after two rounds for all of Unicode we met

# Written as code points, for they look alike: hyphens, dashes and the minus sign; apostrophes; the middle dot.
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_QUOTES: Final = "\u2018\u2019\u0060\u00b4"
_SEPARATORS: Final = re.compile(rf"[\s\-./\\_:,;'#()\u00b7{_DASHES}{_QUOTES}]+")
_PUNCTUATION: Final = str.maketrans({**dict.fromkeys(_DASHES, "-"), **dict.fromkeys(_QUOTES, "'")})
_LETTERS: Final = str.maketrans({"Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Æ": "AE", "Œ": "OE", "Þ": "TH", "Ħ": "H"})
_DATA: Final = Path(__file__).parent / "data"


class IdentifierError(ValueError):
    """A value that its scheme does not allow: why, and what would help."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(f"{reason}; {hint}")
        self.reason = reason
        self.hint = hint


def normalise(scheme: str, value: str, country: str | None = None) -> str:
    """The comparable form of `value`. `country` (ISO 3166-1 alpha-2) matters for national phone numbers only.

    Raises `IdentifierError`; an unknown scheme is `KeyError`, for callers check the code list first.
    """
    return SCHEMES[scheme](value, country)


@cache
def _data(name: str) -> Any:
    return json.loads((_DATA / f"{name}.json").read_text("utf-8"))


def _compact(value: str) -> str:
    """Upper case without separators, in Unicode's compatibility form."""
    text = unicodedata.normalize("NFKC", value)
    if text.isascii():
        return _SEPARATORS.sub("", text).upper()  # a second round finds nothing
    for _ in range(FOLD_ROUNDS_MAX):
        folded = unicodedata.normalize("NFKC", _SEPARATORS.sub("", text).upper())
        if folded == text:
            break
        text = folded
    return text


def _pattern(name: str, pattern: str, hint: str) -> Callable[[str, str | None], str]:
    """A scheme that is settled by its characters and length."""
    compiled = re.compile(pattern)

    def check(value: str, _country: str | None) -> str:
        text = _compact(value)
        if not compiled.fullmatch(text) or len(text) > VALUE_LENGTH_MAX:
            raise IdentifierError(f"{value[:VALUE_LENGTH_MAX]!r} is no {name}", hint)
        return text

    return check


def _free(name: str) -> Callable[[str, str | None], str]:
    """A scheme whose issuers are free: letters and digits of any script."""

    def check(value: str, _country: str | None) -> str:
        text = _compact(value)
        if not text.isalnum() or len(text) > VALUE_LENGTH_MAX or _compact(text) != text:
            hint = f"1 to {VALUE_LENGTH_MAX} letters and digits, separators are dropped"
            raise IdentifierError(f"{value[:VALUE_LENGTH_MAX]!r} is no {name}", hint)
        return text

    return check


_imo_digits = _pattern("IMO number", r"(IMO)?[0-9]{7}", "seven digits, as in IMO 9074729")


def _imo(value: str, country: str | None) -> str:
    """IMO Resolution A.1117(30): the last digit is the last of 7·d1 + 6·d2 + … + 2·d6."""
    digits = _imo_digits(value, country).removeprefix("IMO")
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(7, 1, -1), strict=False))
    if total % 10 != int(digits[6]):
        raise IdentifierError(
            f"the check digit of IMO {digits} should be {total % 10}", "check the number for a typing error"
        )
    return digits


_iban_characters = _pattern("IBAN", r"[A-Z]{2}[0-9]{2}[A-Z0-9]{4,30}", "country, two check digits, account number")


def _iban(value: str, country: str | None) -> str:
    """ISO 13616: length by country and the remainder 1 modulo 97."""
    text = _iban_characters(value, country)
    length = _data("iban_lengths")["lengths"].get(text[:2])
    if length is None:
        raise IdentifierError(f"{text[:2]} issues no IBANs", "the first two letters are the country of the account")
    if len(text) != length:
        raise IdentifierError(
            f"an IBAN of {text[:2]} has {length} characters, not {len(text)}", "copy the whole number"
        )
    if int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 != 1:
        raise IdentifierError(f"the check digits of {text} do not fit", "check the number for a typing error")
    return text


def _phone(value: str, country: str | None) -> str:
    """ITU-T E.164: plus, calling code, national number of a length that the country uses."""
    text = unicodedata.normalize("NFKC", value).strip()
    international = text.startswith(("+", "00"))
    digits = _SEPARATORS.sub("", text.replace("(0)", "") if international else text).removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise IdentifierError(f"{value[:VALUE_LENGTH_MAX]!r} is no phone number", "digits, as in +501 223 2222")
    if international:
        return _e164(digits if text.startswith("+") else digits[2:])
    return _national(digits, country)


def _e164(digits: str) -> str:
    lengths = _data("phone_numbers")["lengths"]
    code = next((digits[:n] for n in (1, 2, 3) if digits[:n] in lengths), None)
    if code is None:
        raise IdentifierError(f"+{digits[:3]} is no calling code", "write + and the country's calling code first")
    if len(digits) > E164_DIGITS_MAX or len(digits) - len(code) not in lengths[code]:
        raise IdentifierError(
            f"+{code} has no numbers of {len(digits) - len(code)} digits",
            f"after the calling code: {', '.join(map(str, lengths[code]))} digits",
        )
    return f"+{digits}"


def _national(digits: str, country: str | None) -> str:
    tables = _data("phone_numbers")
    if country is None:
        hint = "write it with + and the calling code, or name the country"
        raise IdentifierError(f"{digits} is a national number of no country", hint)
    if country not in tables["regions"]:
        raise IdentifierError(
            f"the calling code of {country!r} is not known", "write the number with + and the calling code"
        )
    code, trunk = tables["regions"][country]
    lengths = tables["lengths"][code]
    without_trunk = digits.removeprefix(trunk)
    national = without_trunk if len(without_trunk) in lengths else digits
    if len(national) not in lengths:
        hint = "write it with + if it begins with a calling code"
        raise IdentifierError(f"{country} has no numbers of {len(national)} digits", hint)
    return f"+{code}{national}"


def _fold_name(value: str) -> str:
    upper = value.translate(_PUNCTUATION).upper()
    if upper.isascii():
        return " ".join(upper.split())  # nothing to decompose, and most names are like that
    upper = unicodedata.normalize("NFKD", upper)
    bare = "".join(character for character in upper if not unicodedata.combining(character))
    return " ".join(unicodedata.normalize("NFKC", bare).translate(_LETTERS).upper().split())


def _name(value: str, _country: str | None) -> str:
    """Upper case, accents removed, single spaces; the same folding on both sides makes O'Higgins one name."""
    text = _fold_name(value)
    for _ in range(0 if text.isascii() else FOLD_ROUNDS_MAX):  # ASCII is settled
        text, before = _fold_name(text), text
        if text == before:
            break
    printable = text.isprintable() or all(unicodedata.category(character)[0] != "C" for character in text)
    if (
        not (text.isascii() or _fold_name(text) == text)
        or not printable
        or not any(map(str.isalnum, text))
        or len(text.encode()) > NAME_BYTES_MAX
    ):
        raise IdentifierError(
            f"{value[:VALUE_LENGTH_MAX]!r} is no name", f"1 to {NAME_BYTES_MAX} bytes of printable characters"
        )
    return text


SCHEMES: Final[dict[str, Callable[[str, str | None], str]]] = {
    "PLATE": _free("number plate"),
    "VIN": _pattern("VIN", rf"[A-HJ-NPR-Z0-9]{{{VIN_LENGTH}}}", f"{VIN_LENGTH} letters and digits without I, O and Q"),
    "IMO": _imo,
    "MMSI": _pattern("MMSI", r"[0-9]{9}", "nine digits"),
    "AIRCRAFT_REGISTRATION": _pattern("aircraft registration", r"[A-Z0-9]{2,10}", "as painted, such as V3-HGX"),
    "SERIAL": _free("serial number"),
    "PASSPORT": _pattern("passport number", r"[A-Z0-9]{3,20}", "3 to 20 letters A to Z and digits (ICAO 9303)"),
    "ID_CARD": _pattern("identity card number", r"[A-Z0-9]{3,30}", "3 to 30 letters A to Z and digits"),
    "PHONE": _phone,
    "IBAN": _iban,
    "CASE": _free("case number"),
    "NAME": _name,
}
