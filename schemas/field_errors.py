"""Errors of an input, one for each wrong field. Pure."""

from dataclasses import dataclass
from typing import Final

from schemas.excerpts import MESSAGE_CHARACTERS_MAX, within

ERRORS_MAX: Final = 100  # an answer with more errors is not useful


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One error of an input."""

    path: str
    """Path of the field, such as `entities[0].person.category`; empty for the whole input."""

    code: str
    """Stable, in snake_case."""

    message: str
    """Completes a sentence that begins with the path: what is wrong, or what the value must be."""

    allowed: tuple[str, ...] = ()
    """The allowed values, if the schema lists them."""

    def __post_init__(self) -> None:
        """Shorten what repeats too much of the input: a key in the path, a value in the message."""
        for name in ("path", "message"):
            object.__setattr__(self, name, within(getattr(self, name), MESSAGE_CHARACTERS_MAX))


class FieldErrors(Exception):
    """All errors of an input."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{error.path} {error.message}".lstrip() for error in errors[:3]))
        self.errors = errors


class Findings:
    """Collects errors up to ERRORS_MAX."""

    __slots__ = ("errors",)

    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    @property
    def full(self) -> bool:
        """Whether the limit is reached, so that a caller can stop looking for errors."""
        return len(self.errors) >= ERRORS_MAX

    def add(self, path: str, code: str, message: str, allowed: tuple[str, ...] = ()) -> None:
        """Add one error; errors beyond ERRORS_MAX are dropped."""
        if not self.full:
            self.errors.append(FieldError(path=path, code=code, message=message, allowed=allowed))
