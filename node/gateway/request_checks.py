"""The checks of headers and query that each endpoint states in the table. Pure."""

from typing import Final

from starlette.requests import Request

from node.gateway.endpoint import Endpoint
from node.http.http_error import HttpError
from node.http.media_types import EVENTS, NDJSON, check_accept
from node.http.query import Query, parse_query
from node.http.stated_reason import PURPOSE_HEADER, REASON_HEADER, one_header

STRICT_PREFIX: Final = "/v1/"
WITHOUT_LENGTH: Final = (NDJSON, EVENTS)
"""Answers that begin before their length is known."""

SINGLE_HEADERS: Final = (
    *("Authorization", "Content-Type", "Content-Encoding", "Content-Length", "Host", "Idempotency-Key"),
    *("Last-Event-ID", PURPOSE_HEADER, REASON_HEADER),
)
"""Headers of which two would leave open which one counts."""


def check_request(endpoint: Endpoint, request: Request) -> None:
    """Raise HttpError `header_repeated`, `not_acceptable` or `http_version_unsupported`."""
    for name in SINGLE_HEADERS:
        one_header(request.headers.raw, name)
    if endpoint.produces is not None:
        check_accept(", ".join(request.headers.getlist("accept")) or None, endpoint.produces)
    if endpoint.produces in WITHOUT_LENGTH and request.scope["http_version"] == "1.0":
        message = "this answer has no length, and HTTP/1.0 needs one"
        raise HttpError(505, "http_version_unsupported", message, hint="use HTTP/1.1")


def query_of(endpoint: Endpoint, request: Request) -> Query:
    """The parameters of the query. Raises HttpError or UsageError for a parameter that is wrong or unknown."""
    if not endpoint.path.startswith(STRICT_PREFIX):
        return {}
    return parse_query(request.scope["query_string"], {name.name: name.repeated for name in endpoint.query})
