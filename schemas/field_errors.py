"""What is wrong with an input, field by field. Pure."""

from dataclasses import dataclass
from typing import Final

ERRORS_MAX: Final = 100  # a form filled in wrongly a thousand times is not reported to the end


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One thing that is wrong with an input."""

    path: str
    """Where, as `entities[0].person.category`; empty for the whole."""

    code: str
    """Stable, in snake_case."""

    message: str
    """Continues the path as a sentence: what it is, or what it should be."""

    allowed: tuple[str, ...] = ()
    """The values that would have been lawful, if they can be listed."""


class FieldErrors(Exception):
    """Everything that is wrong with an input."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error.path} {error.message}".lstrip() for error in errors[:3]))
        self.errors = errors


class Findings:
    """Collects errors up to the limit."""

    __slots__ = ("errors",)

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    @property
    def full(self) -> bool:
        """Whether more would be dropped, so that looking for more is in vain."""
        return len(self.errors) >= ERRORS_MAX

    def add(self, path: str, code: str, message: str, allowed: tuple[str, ...] = ()) -> None:
        """Notes one error; beyond ERRORS_MAX it is dropped."""
        if not self.full:
            self.errors.append(FieldError(path=path, code=code, message=message, allowed=allowed))
