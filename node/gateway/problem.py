"""Errors as the answers of the gateway: problem bodies (RFC 9457) with the stable code of the error. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.responses import Response

from node.answers.plain_json import presentable
from node.errors import EnlaceError, Refused, Unavailable, UsageError
from node.http.http_error import HttpError
from schemas.field_errors import FieldError

__all__ = ["HttpError", "problem_response"]  # what handlers import
CONTENT_TYPE: Final = "application/problem+json"
UNAVAILABLE: Final = 503
RETRY_SECONDS: Final = 5
TITLES: Final = {
    400: "The request is wrong",
    401: "The caller is not known",
    403: "The caller may not do this",
    404: "There is no such thing",
    405: "The method is not allowed",
    406: "The answer has no such form",
    408: "The request came too slowly",
    409: "The request contradicts another one",
    411: "The length of the body is missing",
    413: "The body is too long",
    414: "The address is too long",
    415: "The content type is wrong",
    422: "The input is refused",
    429: "There are too many requests",
    431: "The header is too long",
    500: "There is a bug in Enlace",
    UNAVAILABLE: "The node is not available now",
    505: "The version of HTTP is not the right one",
}

NOT_FOUND: Final = "not_found"
OF_THE_NODE: Final = frozenset(
    ("bus_unusable", "permission_denied", "store_damaged", "store_foreign", "store_missing", "topology_invalid")
)
"""Codes of usage errors that only an operator of the node can mend: the request is not wrong."""


def problem_response(
    error: EnlaceError,
    *,
    errors: Sequence[FieldError] = (),
    status: int | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """The answer for an error; `errors` are those of the fields of the input, `more` are further keys."""
    status = status or status_of(error)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES[status],
        "status": status,
        "detail": error.message,
        "code": error.code,
        "path": error.path,
        "hint": error.hint,
        "errors": presentable(list(errors or (error.errors if isinstance(error, HttpError) else ()))),
        **(more or {}),
    }
    headers = dict(error.headers) if isinstance(error, HttpError) else {}
    if status == UNAVAILABLE:
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return Response(msgspec.json.encode(body), status, headers, CONTENT_TYPE)


def status_of(error: EnlaceError) -> int:
    """The status of an error: what the caller can change is 4xx, what passes by itself is 503, a bug is 500."""
    match error:
        case HttpError():
            return error.status
        case UsageError():
            return UNAVAILABLE if error.code in OF_THE_NODE else 400
        case Refused():
            return 404 if error.code == NOT_FOUND else 422
        case Unavailable():
            return UNAVAILABLE
    return 500
