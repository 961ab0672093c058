"""Checks of single fields of a report, which collect their findings (node/reports/rules.py). Pure."""

import re
from collections.abc import Sequence
from typing import Final

from schemas import codes
from schemas.excerpts import quoted
from schemas.field_errors import ERRORS_MAX, FieldError

UNKNOWN_CODE: Final = "unknown_code"
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class EnoughFindings(Exception):
    """A further finding would not change the answer: the checks end here."""


class FieldChecks:
    """Collects the findings; each method is one kind of check. A path is built only for a finding.

    The checks end with EnoughFindings after `ERRORS_MAX` findings.
    """

    def __init__(self) -> None:
        self.errors: list[FieldError] = []
        self.inside: tuple[str | int, ...] = ()
        """Path of the record that is checked now: names of fields, indexes of arrays."""

    def add(self, name: str, code: str, message: str, allowed: tuple[str, ...] = ()) -> None:
        """Add one finding."""
        steps = (*self.inside, name)
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
        self.errors.append(FieldError(path=path.removeprefix("."), code=code, message=message, allowed=allowed))
        if len(self.errors) == ERRORS_MAX:
            raise EnoughFindings

    def code(self, name: str, value: str, list_name: str) -> None:
        known = codes.load(list_name)
        if value not in known.codes:
            self.add(
                name,
                "unknown_code",
                f"{quoted(value)} is not in the list {list_name} (version {known.version})",
                known.ordered,
            )

    def codes(self, name: str, values: Sequence[str], list_name: str) -> None:
        """A list of one or more different codes."""
        if not values:
            self.add(name, "missing", "needs at least one code", codes.load(list_name).ordered)
        for index, value in enumerate(values):
            self.code(f"{name}[{index}]", value, list_name)
        self.unique(name, values)

    def unique(self, name: str, values: Sequence[object]) -> None:
        if len(values) > 1 and len(set(values)) < len(values):
            seen: set[object] = set()
            for index, value in enumerate(values):
                if value in seen:
                    self.add(f"{name}[{index}]", "duplicate", "is named twice")
                seen.add(value)

    def text(self, name: str, value: str | None) -> None:
        """An optional text that is not blank."""
        if value is not None and not value.strip():
            self.add(name, "missing", "is blank")

    def term(self, name: str, value: str) -> None:
        """A text that is not blank and has no control characters."""
        self.text(name, value)
        if _CONTROLS.search(value):
            self.add(name, "wrong_format", "has control characters")


class FirstFinding(FieldChecks):
    """Keeps one finding and ends the checks at it.

    An unknown code does not end them, because it decides only if nothing else is wrong: a later list may have the code.
    """

    def add(self, name: str, code: str, message: str, allowed: tuple[str, ...] = ()) -> None:
        """Keep the finding, unless it is a further unknown code."""
        if code == UNKNOWN_CODE and self.errors:
            return
        self.errors.clear()
        super().add(name, code, message, allowed)
        if code != UNKNOWN_CODE:
            raise EnoughFindings
