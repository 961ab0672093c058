"""The parameters that every list has. Pure."""

from typing import Final

from node.gateway.endpoint import Parameter
from node.http.query import Query, parse_limit, single

LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1_000

LIMIT: Final = Parameter(
    name="limit",
    summary=f"How many items at most; {LIMIT_DEFAULT} if it is left out",
    schema={"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
)
AFTER: Final = Parameter(name="after", summary="The cursor `next` of the page before")


def limit_of(query: Query) -> int:
    """How many items a page has. Raises UsageError."""
    return parse_limit(query, default=LIMIT_DEFAULT, highest=LIMIT_MAX)


def after_of(query: Query) -> str | None:
    """The cursor."""
    return single(query, "after")
