"""`/v1/messages`: search the reports that this node holds, and show one of them with the decision about it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from starlette.responses import Response

from node.answers.arguments import parse_code
from node.commands.search import FoundPage, query_of, search_page
from node.commands.show import ShownReport, show
from node.errors import UsageError
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint, Parameter
from node.gateway.paging import AFTER, LIMIT, after_of, limit_of
from node.gateway.problem import HttpError
from node.http.json_answer import json_answer
from node.http.media_types import JSON
from node.http.query import single
from node.integrators.scopes import Scope
from schemas import codes

FILTERS: Final = ("text", "identifier", "originator", "subject", "since")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMessage(ShownReport):
    """A message with the decision about it; `others` has those of the same report id in other regions."""

    others: tuple[ShownReport, ...] = ()


async def find(call: Call) -> Response:
    """The reports that fit all filters, page by page."""
    asked = call.query
    if not any(name in asked for name in FILTERS):
        hint = f"give one of {', '.join(FILTERS)}; `since` alone finds everything from a time on"
        raise HttpError(400, "filter_missing", "no filter was given", path="query", hint=hint)
    query = query_of(
        asked.get("text", ()),
        _with_country(asked.get("identifier", ()), asked.get("country", ())),
        asked.get("originator", ()),
        asked.get("subject", ()),
        since=single(asked, "since"),
        limit=limit_of(asked),
        after=after_of(asked),
    )
    served = call.served
    return json_answer(
        await search_page(served.store, query, actor=call.caller.actor, why=call.why, now=served.now_ms(), poll=True)
    )


def _with_country(identifiers: Sequence[str], countries: Sequence[str]) -> list[str]:
    """Each identifier with each country, as `CC:SCHEME=VALUE`. Raises UsageError."""
    if not countries:
        return list(identifiers)
    if not identifiers:
        message = "a country narrows an identifier, and no identifier was given"
        raise UsageError("value_invalid", message, path="country", hint="give `identifier` too")
    for identifier in identifiers:
        if ":" in identifier.partition("=")[0]:
            message = "the identifier names a country itself"
            raise UsageError("value_invalid", message, path="country", hint="name the country once")
    known = [parse_code(country, "countries", "country") for country in countries]
    return [f"{country}:{identifier}" for country in known for identifier in identifiers]


async def show_one(call: Call) -> Response:
    """The message, or the first of the messages with this report id."""
    first, *others = await show(
        call.served.store, call.request.path_params["id"], actor=call.caller.actor, why=call.why
    )
    kept = {field.name: getattr(first, field.name) for field in fields(ShownReport)}
    return json_answer(ShownMessage(**kept, others=tuple(others)))


_FILTERS: Final = (
    Parameter(name="text", summary="Words, in any case, with or without accents", repeated=True),
    Parameter(name="identifier", summary="SCHEME=VALUE, such as IMO=9074729; any spelling of the value", repeated=True),
    Parameter(
        name="country",
        summary="The country that gave the identifier out, ISO 3166-1 alpha-2; only together with `identifier`",
        repeated=True,
    ),
    Parameter(name="originator", summary="The node that sent the report, such as BZ", repeated=True),
    Parameter(
        name="subject",
        summary="A code of the list of subjects",
        schema={"type": "string", "enum": list(codes.load("subjects").ordered)},
        repeated=True,
    ),
    Parameter(
        name="since",
        summary="Created at this time or later; RFC 3339, or a date",
        schema={"type": "string", "examples": ["2026-11-23T12:00:00Z"]},
    ),
)
_READERS: Final = frozenset({Scope.READ})
ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/messages",
        scopes=_READERS,
        handle=find,
        summary="Search the reports that this node holds; all filters must fit, and of a repeated one any",
        consults=True,
        query=(*_FILTERS, LIMIT, AFTER),
        answers={200: FoundPage},
        produces=JSON,
    ),
    Endpoint(
        method="GET",
        path="/v1/messages/{id}",
        scopes=_READERS,
        handle=show_one,
        summary="One report, by report id or message id, and the decision about it",
        consults=True,
        answers={200: ShownMessage},
        produces=JSON,
    ),
)
