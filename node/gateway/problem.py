"""Errors as the answers of the gateway: problem bodies (RFC 9457) with the stable code of the error. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.responses import Response

from node.answers.plain_json import presentable
from node.errors import EnlaceError, Refused, Unavailable, UsageError
from schemas.field_errors import FieldError

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
    415: "The content type is wrong",
    422: "The input is refused",
    429: "There are too many requests",
    431: "The header is too long",
    500: "There is a bug in Enlace",
    UNAVAILABLE: "The node is not available now",
}


class HttpError(EnlaceError):
    """An error with the status of its answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        path: str | None = None,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message, path=path, hint=hint)
        self.status = status
        self.headers = dict(headers or {})


def problem_response(error: EnlaceError, *, errors: Sequence[FieldError] = (), status: int | None = None) -> Response:
    """The answer for an error; `errors` are those of the fields of the input."""
    status = status or status_of(error)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES[status],
        "status": status,
        "detail": error.message,
        "code": error.code,
        "path": error.path,
        "hint": error.hint,
        "errors": presentable(list(errors)),
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
            return 400
        case Refused():
            return 422
        case Unavailable():
            return UNAVAILABLE
    return 500
