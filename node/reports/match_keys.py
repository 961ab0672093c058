"""The key under which the index of a node holds an identifier. Equal keys are one identifier. Pure.

A report carries the normalised value (node/reports/identifiers.py), as its originator wrote it. The key is local: no
record contains it, so a later version may fold more, and makes the index again.

Rules:
- PLATE, SERIAL, CASE: Greek and Cyrillic letters that look like Latin ones are Latin, and digits are 0 to 9. So a plate
  that one force types on a Cyrillic keyboard is the plate that another types in Latin letters.
- NAME: folded as the words of texts are (node/reports/letters.py), without spaces and punctuation: `O'Connor`,
  `O Connor` and `OConnor` are one name.
- Values of the other schemes have one spelling, which is their key.
"""

from collections.abc import Callable
from typing import Final

from node.reports.letters import fold, latin, plain_digits


def match_key(scheme: str, value: str) -> str:
    """The key of a normalised value."""
    key = _KEYS.get(scheme)
    return key(value) if key is not None else value


def _plain(value: str) -> str:
    return value if value.isascii() else latin(plain_digits(value))


def _name(value: str) -> str:
    """In upper case, as names are. A name of signs that fold to nothing is its own key."""
    return fold(value).upper().replace(" ", "") or value


_KEYS: Final[dict[str, Callable[[str], str]]] = {"PLATE": _plain, "SERIAL": _plain, "CASE": _plain, "NAME": _name}
