"""Whether the value of an identifier in a received report is normalised (step 16 of the verification). Pure.

Two nodes must decide alike for years, whichever version they run. So a value is compared with rules that do not change:
intake (node/reports/identifiers.py) is stricter where a table grows with time.

Rules beyond those of intake, which are all looser:
- PHONE: plus, and 5 to 15 digits of which the first is not 0. Calling codes and lengths change, and are not checked.
- IBAN: check digits. The lengths of countries are not checked, because countries join.
- MMSI: nine digits.
- Greek and Cyrillic letters, digits of other scripts and characters that no reader sees are refused where intake
  replaces or drops them.
"""

import re
from collections.abc import Callable
from typing import Final

from node.reports.identifier_text import VALUE_LENGTH_MAX, IdentifierError, compact
from node.reports.identifiers import SCHEMES, check_iban_digits

IdentifierForm = Callable[[str, str, str | None], str]
"""Scheme, value and country -> the normalised value; raises IdentifierError."""

_E164: Final = re.compile(r"\+[1-9][0-9]{4,14}")
_MMSI: Final = re.compile(r"[0-9]{9}")


def wire_form(scheme: str, value: str, country: str | None) -> str:
    """The normalised form; it differs from `value` if that is not normalised.

    Raises IdentifierError for a value that no version of intake lets through, and KeyError for an unknown scheme.
    """
    return (_STABLE.get(scheme) or SCHEMES[scheme])(value, country)


def _matching(pattern: re.Pattern[str], hint: str) -> Callable[[str, str | None], str]:
    def check(value: str, _country: str | None) -> str:
        text = compact(value)
        if not pattern.fullmatch(text):
            raise IdentifierError(f"{value[:VALUE_LENGTH_MAX]!r} does not have its normalised form", hint)
        return text

    return check


_STABLE: Final[dict[str, Callable[[str, str | None], str]]] = {
    "PHONE": _matching(_E164, "a phone number is + and 5 to 15 digits"),
    "MMSI": _matching(_MMSI, "an MMSI is nine digits"),
    "IBAN": check_iban_digits,
}
