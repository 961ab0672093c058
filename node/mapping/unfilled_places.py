"""Finds the places of a drafted mapping where a person must still decide. Pure: it reads the text of the mapping.

The draft (draft_mapping.py) marks them with FILL_IN: in a value, or in a comment at the end of a line or above a field
whose value is empty. A comment above a value that was filled in is not a place.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

FILL_IN: Final = "FILL_IN"
_ASKS: Final = f"# {FILL_IN}:"
_PATH: Final = re.compile(r'path\s*=\s*"([^"]*)"')
_ASSIGNED: Final = re.compile(r"([A-Za-z_]+)\s*=\s*(.*)")
_EMPTY: Final = ('""', "[]", '[""]')


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfilledPlace:
    """A line of a mapping that a person must change."""

    line: int
    """From 1."""

    field: str
    """The field of the report, such as legal_basis; `occurred.date` for the date."""


def unfilled_places(text: str) -> Iterator[UnfilledPlace]:
    """The places in the order of the lines."""
    section, field, asked = "", "", False
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            section, field = stripped.strip("[] "), ""
        elif stripped.startswith("#"):
            asked = asked or stripped.startswith(_ASKS)
        elif (path := _PATH.match(stripped)) is not None:
            field = path[1]
        elif (assigned := _ASSIGNED.match(stripped)) is not None:
            if FILL_IN in stripped or (asked and assigned[2].partition("#")[0].strip() in _EMPTY):
                yield UnfilledPlace(line=number, field=field or f"{section}.{assigned[1]}".removeprefix("."))
            asked = False
