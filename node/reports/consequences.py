"""Leaves out errors that only follow from another error: one fault of the input is one error. Pure.

All errors of a report are answered together, and a field that is missing or wrong has a stand-in while the other
fields are checked (schemas/json_form/json_values.py). An error about the stand-in is not an error of the input.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from schemas.field_errors import FieldError

DEPENDS_ON: Final[dict[str, tuple[str, ...]]] = {
    "until": ("from",),
    "source": ("grid",),
    "information": ("grid",),
    "person": ("kind",),
    "goods": ("kind",),
    "value": ("scheme", "country"),
    "identifiers": ("identifiers",),
}
"""Field -> fields of the same record without which it cannot be judged."""

_PART: Final = re.compile(r"[^.\[\]]+|\[\d+\]")


def independent(found: Iterable[FieldError], known: Sequence[FieldError]) -> list[FieldError]:
    """Those of `found` that do not follow from an error of `known`."""
    if not known:
        return list(found)
    wrong = {tuple(_PART.findall(error.path)) for error in known}
    return [error for error in found if not _follows(error, tuple(_PART.findall(error.path)), wrong)]


def _follows(error: FieldError, path: tuple[str, ...], wrong: set[tuple[str, ...]]) -> bool:
    if any(path[:length] in wrong for length in range(1, len(path) + 1)):
        return True  # the field, or a record around it, has an error already
    if error.code in ("missing", "duplicate") and any(other[: len(path)] == path for other in wrong):
        return True  # something inside it was wrong, and left out
    if error.code == "unknown_entity":
        return any(other[0] == "entities" and other[2:] in ((), ("id",)) for other in wrong)
    names = [index for index, part in enumerate(path) if not part.startswith("[")]
    parent = path[: names[-1]] if names else path
    siblings = DEPENDS_ON.get(path[names[-1]], ()) if names else ()
    return any(other[: len(parent) + 1] == (*parent, sibling) for other in wrong for sibling in siblings)
