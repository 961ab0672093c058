"""The result of one examination of `doctor`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was examined, and what was found."""

    check: str
    ok: bool
    """False: an operator has to do something. What cannot be found out is not a fault; `found` then says unknown."""

    found: str
    hint: str | None = None


def fine(check: str, found: str, hint: str | None = None) -> Examination:
    """Nothing is wrong, as far as can be seen."""
    return Examination(check=check, ok=True, found=found, hint=hint)


def bad(check: str, found: str, hint: str) -> Examination:
    """Something is wrong."""
    return Examination(check=check, ok=False, found=found, hint=hint)
