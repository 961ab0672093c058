"""Answers below the application: to what is not a request, comes too slowly, or is too much. Pure."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec

RETRY_SECONDS: Final = 5
_RETRIED: Final = (429, 503)


@dataclass(frozen=True, slots=True)
class RawProblem:
    """A problem (RFC 9457) that the server answers itself; the connection ends with it."""

    status: int
    code: str
    message: str
    hint: str | None = None

    def body(self) -> bytes:
        """The JSON, with the keys of all problems of the gateway."""
        return msgspec.json.encode(
            {
                "type": "about:blank",
                "title": HTTPStatus(self.status).phrase,
                "status": self.status,
                "detail": self.message,
                "code": self.code,
                "path": None,
                "hint": self.hint,
                "errors": [],
            }
        )

    def response(self) -> bytes:
        """The whole answer as HTTP/1.1."""
        body = self.body()
        retry = f"retry-after: {RETRY_SECONDS}\r\n" if self.status in _RETRIED else ""
        head = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
            f"content-type: application/problem+json\r\ncontent-length: {len(body)}\r\n"
            f"cache-control: no-store\r\n{retry}connection: close\r\n\r\n"
        )
        return head.encode("ascii") + body


MALFORMED: Final = RawProblem(
    400, "request_malformed", "this is not a request of HTTP/1.1", hint="RFC 9112 has the form of a request"
)
TOO_MANY: Final = RawProblem(
    503, "connections_too_many", "the gateway has too many connections", hint="close connections, or try again later"
)
