"""One call of an endpoint: the request, and what was verified about it before its handler runs."""

from dataclasses import dataclass, field

from starlette.requests import Request

from node.commands.justification import Justification
from node.gateway.served import Served
from node.http.query import Query
from node.integrators.caller import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of a known caller that has one of the scopes of the endpoint."""

    request: Request
    served: Served
    caller: Caller
    why: Justification
    """Purpose and reason, both given if the endpoint reads content."""

    query: Query = field(default_factory=dict)
    """The parameters of the query that the endpoint has."""
