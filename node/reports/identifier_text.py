"""Folds the spellings of an identifier's text into one, for all schemes (node/reports/identifiers.py). Pure."""

import re
import unicodedata
from typing import Final

VALUE_LENGTH_MAX: Final = 64  # no scheme has longer values
FOLD_ROUNDS_MAX: Final = 4  # two rounds were enough for all Unicode text that we tried

# Code points, because the characters look alike: hyphens, dashes and the minus sign; apostrophes; the middle dot.
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_QUOTES: Final = "\u2018\u2019\u0060\u00b4"
_SEPARATORS: Final = re.compile(rf"[\s\-./\\_:,;'#()\u00b7{_DASHES}{_QUOTES}]+")
_DECIMAL: Final = re.compile(
    r"[+-]?([0-9]+[.,](0|00|0{4,})|[0-9]{7,}[.,][0-9]{1,2}|[0-9]+([.,][0-9]+[eE][+-]?|[eE]\+)[0-9]+)"
)
_PUNCTUATION: Final = str.maketrans({**dict.fromkeys(_DASHES, "-"), **dict.fromkeys(_QUOTES, "'")})
_LETTERS: Final = str.maketrans({"Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Æ": "AE", "Œ": "OE", "Þ": "TH", "Ħ": "H"})


class IdentifierError(ValueError):
    """A value that its scheme does not allow, with the reason and a hint."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(f"{reason}; {hint}")
        self.reason = reason
        self.hint = hint


def refuse_number(value: str) -> None:
    """Raise IdentifierError for a text such as 3001234567.0 or 5.73E+11: a program took the identifier for a number.

    A decimal point is not a separator: without it, 3001234567.0 would be another identifier. Two dots, or a group of
    three digits behind one, are separators: 12.345.678, 300.000.
    """
    text = visible(value).strip()
    if _DECIMAL.fullmatch(text):
        reason = f"{text[:VALUE_LENGTH_MAX]!r} is a number that a program made of the identifier"
        raise IdentifierError(reason, "export the column as text")


def visible(text: str) -> str:
    """The text without characters that no reader sees: joiners, direction marks, soft hyphens."""
    if text.isascii():
        return text
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def without_separators(text: str) -> str:
    """The text without blanks, dashes and other separators."""
    return _SEPARATORS.sub("", text)


def compact(value: str) -> str:
    """Upper case without separators, in Unicode's compatibility form."""
    text = unicodedata.normalize("NFKC", visible(value))
    if text.isascii():
        return without_separators(text).upper()  # one round is enough for ASCII
    for _ in range(FOLD_ROUNDS_MAX):
        folded = unicodedata.normalize("NFKC", without_separators(text).upper())
        if folded == text:
            break
        text = folded
    return text


def fold_name(value: str) -> str:
    """A name in upper case without accents, with single spaces and plain punctuation: one round of folding."""
    upper = value.translate(_PUNCTUATION).upper()
    if upper.isascii():
        return " ".join(upper.split())  # most names are ASCII and have no accents
    upper = unicodedata.normalize("NFKD", upper)
    bare = "".join(character for character in upper if not unicodedata.combining(character))
    return " ".join(unicodedata.normalize("NFKC", bare).translate(_LETTERS).upper().split())
