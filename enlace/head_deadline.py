"""A deadline for the head of an answer, without `await`.

httpx limits each read only. A server that sends its head byte by byte would keep a caller for days: a head may have
100 KB. The client with `await` needs no such module: the event loop cancels what takes too long.
"""

import ssl
import time
from collections.abc import Iterable
from typing import Any, Self

import httpcore
import httpx


class ReadLimit(float):
    """How many seconds a read may last; and until the head has come, all its reads together."""

    __slots__ = ("_ends_at", "_is_in_head", "head_seconds_max")

    def __new__(cls, seconds: float, head_seconds_max: float) -> Self:
        """`seconds` limits one read."""
        limit = super().__new__(cls, seconds)
        limit.head_seconds_max = head_seconds_max
        limit._ends_at = None
        limit._is_in_head = True
        return limit

    head_seconds_max: float
    """How long the head of the answer may take."""

    _ends_at: float | None
    _is_in_head: bool

    def end_head(self) -> None:
        """The head has come: the content has other limits."""
        self._is_in_head = False

    def seconds_left(self) -> float:
        """How long the next read may last. Raises ReadTimeout."""
        if not self._is_in_head:
            return float(self)
        now = time.monotonic()
        self._ends_at = self._ends_at or now + self.head_seconds_max
        if now >= self._ends_at:
            raise httpcore.ReadTimeout("the head of the answer did not end in time")
        return min(float(self), self._ends_at - now)


class HeadDeadlineTransport(httpx.HTTPTransport):
    """Connections without `await` whose answers begin in time. No proxy of the environment is used."""

    def __init__(self, tls: ssl.SSLContext | None, socket: str | None) -> None:
        super().__init__(verify=tls if tls is not None else False, trust_env=False)  # without TLS nothing to verify
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            uds=socket,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request whose limit of a read is a ReadLimit; returns when the head of the answer has come."""
        response = super().handle_request(request)
        request.extensions["timeout"]["read"].end_head()
        return response


class _Backend(httpcore.NetworkBackend):
    """Connects as httpcore does."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._backend.connect_tcp(host, port, timeout, local_address, socket_options))

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._backend.connect_unix_socket(path, timeout, socket_options))


class _Stream(httpcore.NetworkStream):
    """A connection whose reads keep to a ReadLimit."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = timeout.seconds_left() if isinstance(timeout, ReadLimit) else timeout
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
