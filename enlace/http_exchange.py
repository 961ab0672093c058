"""The parts that both transports share: from a request to that of httpx, and from its failures to ours.

The transports of httpx are used without its client. So no proxy of the environment gets the token, no redirect is
followed, no cookie is kept, and no address of a request, which may contain names of persons, goes to a log.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx

from enlace.effects import Lost, Reply, Request
from enlace.errors import InvalidCall
from enlace.settings import Settings

CONNECT_SECONDS_MAX: Final = 10.0
AGENT: Final = b"enlace-client/1"
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


def of_httpx(request: Request, settings: Settings) -> httpx.Request:
    """The request with the token."""
    silence = request.silence_seconds_max or settings.timeout_seconds
    timeout = httpx.Timeout(silence, connect=min(CONNECT_SECONDS_MAX, settings.timeout_seconds))
    headers = [(b"User-Agent", AGENT), (b"Accept-Encoding", b"identity"), (b"Connection", b"keep-alive")]
    headers += [(name.encode("ascii"), value.encode()) for name, value in request.headers.items()]
    if not any(name == b"Accept" for name, _ in headers):
        headers.append((b"Accept", b"application/json"))
    if settings.token is not None:
        headers.append(settings.token.header())
    try:
        return httpx.Request(
            request.method,
            httpx.URL(settings.address.url + request.path, params=list(request.query) or None),
            headers=headers,
            content=request.body,
            extensions={"timeout": timeout.as_dict()},
        )
    except (UnicodeEncodeError, httpx.InvalidURL) as error:
        raise InvalidCall("value_invalid", f"the request cannot be written: {type(error).__name__}") from None


def reply_of(response: httpx.Response, body: bytes = b"") -> Reply:
    """The answer; names of headers in lower case."""
    return Reply(status=response.status_code, headers=dict(response.headers.items()), body=body)


@contextmanager
def failures_are_losses(settings: Settings) -> Iterator[None]:
    """Raise Lost, without the request and its token, for a failure of httpx."""
    try:
        yield
    except httpx.LocalProtocolError:
        raise InvalidCall("value_invalid", "a header of the request has characters that it must not have") from None
    except (httpx.TransportError, httpx.DecodingError, httpx.StreamError) as error:
        raise Lost(_reason(error, settings), was_sent=not isinstance(error, _NOT_SENT)) from None


def _reason(error: Exception, settings: Settings) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"{settings.address} did not answer in time"
    told = str(error) or type(error).__name__
    return f"{settings.address}: {told}"
