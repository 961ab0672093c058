"""The parts that both transports share: from a request to that of httpx, and from its failures to ours.

The transports of httpx are used without its client. So no proxy of the environment gets the token, no redirect is
followed, no cookie is kept, and no address of a request, which may contain names of persons, goes to a log.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from enlace.effects import Lost, Reply, Request
from enlace.errors import AnswerMalformed, InvalidCall
from enlace.head_deadline import ReadLimit
from enlace.settings import Settings

CONNECT_SECONDS_MAX: Final = 10.0
ANSWER_TIMES_MAX: Final = 10  # times the timeout, which limits a silence: a whole answer, and a head
ANSWER_SIZE_BYTES_MAX: Final = 512 * 1024 * 1024  # a page of 1,000 of the longest reports is shorter
AGENT: Final = b"enlace-client/1"
HINTS: Final[dict[str, str]] = {
    "Hostname mismatch": "use a host name that the certificate of the gateway has",
    "IP address mismatch": "use a host name that the certificate of the gateway has",
    "certificate has expired": "the gateway needs a renewed certificate",
    "CERTIFICATE_VERIFY_FAILED": "name the file of the authority of its certificate: ca_file, or ENLACE_CA_FILE",
    "CERTIFICATE_REQUIRED": "the gateway wants a client certificate: certificate_file and key_file",
    "WRONG_VERSION_NUMBER": "the gateway has no TLS at this address: it begins with http",
}
"""Text of a failure of TLS -> what its reader can do; the first one that fits."""

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def of_httpx(request: Request, settings: Settings) -> httpx.Request:
    """The request with the token."""
    silence = request.silence_seconds_max or settings.timeout_seconds
    limit = ReadLimit(silence, settings.timeout_seconds * ANSWER_TIMES_MAX)
    timeout = httpx.Timeout(silence, connect=min(CONNECT_SECONDS_MAX, settings.timeout_seconds))
    try:
        headers = [(b"User-Agent", AGENT), (b"Accept-Encoding", b"identity"), (b"Connection", b"keep-alive")]
        headers += [(name.encode("ascii"), value.encode()) for name, value in request.headers.items()]
        if not any(name == b"Accept" for name, _ in headers):
            headers.append((b"Accept", b"application/json"))
        if settings.token is not None:
            headers.append(settings.token.header())
        return httpx.Request(
            request.method,
            httpx.URL(settings.address.url + request.path, params=list(request.query) or None),
            headers=headers,
            content=request.body,
            extensions={"timeout": {**timeout.as_dict(), "read": limit}},
        )
    except (UnicodeEncodeError, httpx.InvalidURL) as error:
        raise InvalidCall("value_invalid", f"the request cannot be written: {type(error).__name__}") from None


def reply_of(response: httpx.Response, body: bytes = b"") -> Reply:
    """The answer; names of headers in lower case."""
    return Reply(status=response.status_code, headers=dict(response.headers.items()), body=body)


class WholeAnswer:
    """Collects the pieces of an answer. One that drips or never ends is Lost, although it is never silent."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ends_at = time.monotonic() + settings.timeout_seconds * ANSWER_TIMES_MAX
        self._pieces: list[bytes] = []
        self._size = 0

    def add(self, piece: bytes) -> None:
        """Add a piece. Raises Lost."""
        self._pieces.append(piece)
        self._size += len(piece)
        if time.monotonic() > self._ends_at:
            raise Lost(f"{self._settings.address} did not end its answer in time", was_sent=True)
        if self._size > ANSWER_SIZE_BYTES_MAX:
            message = f"an answer is longer than {ANSWER_SIZE_BYTES_MAX:,} bytes"
            raise AnswerMalformed("answer_malformed", message)

    @property
    def body(self) -> bytes:
        """What came."""
        return b"".join(self._pieces)


@contextmanager
def failures_are_losses(settings: Settings) -> Iterator[None]:
    """Raise Lost, without the request and its token, for a failure of httpx."""
    try:
        yield
    except httpx.LocalProtocolError:
        raise InvalidCall("value_invalid", "a header of the request has characters that it must not have") from None
    except (httpx.TransportError, httpx.DecodingError, httpx.StreamError) as error:
        reason = _reason(error, settings)
        hint = next((hint for text, hint in HINTS.items() if text in reason), None)
        raise Lost(reason, was_sent=not isinstance(error, _NOT_SENT), hint=hint) from None


def _reason(error: Exception, settings: Settings) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"{settings.address} did not answer in time"
    told = str(error) or type(error).__name__
    return f"{settings.address}: {told}"
