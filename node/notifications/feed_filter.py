"""Which messages a stream or a webhook wants, by subject and originator. Pure."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final

from node.answers.arguments import parse_code
from node.answers.cursors import parse_number
from node.errors import UsageError
from node.trust.signed_document import NODE_CODE
from schemas.excerpts import quoted

FILTER_VALUES_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFilter:
    """Which messages are wanted; of several values a message needs one, and no value means every message."""

    subjects: tuple[str, ...] = ()
    originators: tuple[str, ...] = ()

    def takes(self, originator: str, subjects: Set[str]) -> bool:
        """Whether a message of this originator with these subjects is wanted."""
        return (not self.originators or originator in self.originators) and (
            not self.subjects or not subjects.isdisjoint(self.subjects)
        )


def filter_of(
    subjects: Sequence[str], originators: Sequence[str], fields: tuple[str, str] = ("subject", "originator")
) -> FeedFilter:
    """The filter of these codes; lower case is accepted. Raises UsageError with the name of the field."""
    for values, field in zip((subjects, originators), fields, strict=True):
        if len(values) > FILTER_VALUES_MAX:
            message = f"{field} has {len(values):,} values; {FILTER_VALUES_MAX} are allowed"
            raise UsageError("value_invalid", message, path=field)
    return FeedFilter(
        subjects=tuple(dict.fromkeys(parse_code(code, "subjects", fields[0]) for code in subjects)),
        originators=tuple(dict.fromkeys(_node(code, fields[1]) for code in originators)),
    )


def _node(text: str, field: str) -> str:
    code = text.upper()
    if NODE_CODE.fullmatch(code) is None:
        message = f"{quoted(text)} is not the code of a node"
        raise UsageError("unknown_code", message, path=field, hint="as BZ")
    return code


def cursor_of(text: str, field: str) -> int:
    """The number of a cursor. Raises UsageError."""
    number = parse_number(text)
    if number is None:
        message = f"{quoted(text)} is not a cursor of this node"
        raise UsageError("cursor_unknown", message, path=field, hint="give the id of an event as it came, or 0")
    return number
