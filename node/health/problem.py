"""A problem of a node: a state in which a party that is entitled to a report may not get it. `status` lists them."""

from dataclasses import dataclass

from node.answers import error_catalogue
from node.answers.plain_json import TimeMs


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that an operator has to do."""

    code: str
    since: TimeMs | None
    """None if the node does not know since when."""

    subject: str
    """Such as a topic, a document or a node."""

    message: str
    """The reason."""

    hint: str | None
    """The remedy, from the catalogue of errors."""


def problem(code: str, subject: str, message: str, *, since: int | None = None) -> Problem:
    """A problem with the remedy of its code."""
    return Problem(code=code, since=since, subject=subject, message=message, hint=error_catalogue.remedy(code))
