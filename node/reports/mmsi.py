"""Checks the ranges of Maritime Mobile Service Identities (ITU-R M.585). Pure.

A MID, the number of a country, is between 201 and 775. Which numbers of this range are in use changes, and is not
checked.
"""

import re
from typing import Final

from node.reports.identifier_text import VALUE_LENGTH_MAX, IdentifierError, compact

_MID: Final = "(?:20[1-9]|2[1-9][0-9]|[3-6][0-9]{2}|7[0-6][0-9]|77[0-5])"
_FORMS: Final = re.compile(
    "|".join(
        (
            f"{_MID}[0-9]{{6}}",  # a ship
            f"0{_MID}[0-9]{{5}}",  # a group of ships
            f"00{_MID}[0-9]{{4}}",  # a station on the coast
            "009990000",  # all stations on the coast
            f"111{_MID}[0-9]{{3}}",  # an aircraft for search and rescue
            f"8{_MID}[0-9]{{5}}",  # a radio in the hand
            f"98{_MID}[0-9]{{4}}",  # a craft of another ship
            f"99{_MID}[0-9]{{4}}",  # a buoy or another aid to navigation
            "97[0249][0-9]{6}",  # a transmitter for emergencies; without a MID
        )
    )
)
_DIGITS: Final = 9


def normalise_mmsi(value: str, _country: str | None) -> str:
    """The nine digits of an MMSI in a range that ITU-R M.585 gives to a use."""
    text = compact(value)
    if not (text.isascii() and text.isdigit() and len(text) == _DIGITS):
        raise IdentifierError(f"{value[:VALUE_LENGTH_MAX]!r} is not a valid MMSI", "write nine digits")
    if not _FORMS.fullmatch(text):
        hint = (
            "a ship's MMSI begins with the three digits of its country, 201 to 775; check the number for a typing error"
        )
        raise IdentifierError(f"no station has the MMSI {text}", hint)
    return text
