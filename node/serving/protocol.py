"""A connection of the gateway: uvicorn's protocol, with limits in bytes and time and a strict reading of requests.

- A request that two programs could read differently is refused: two lengths, two Hosts, a length in HTTP/1.0 that is
  chunked. Nothing of it reaches the application, and the connection ends.
- Each wait for the client has a limit. Waits of which the server is the cause do not count: while the application
  does not take the body, the server does not read on.
- A refusal is written only if no other answer is under way on the connection.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from node.serving.deadlines import Deadlines
from node.serving.limits import BODY_SIZE_BYTES_MAX, HEADER_SIZE_BYTES_MAX, HEADERS_MAX, PIPELINED_MAX
from node.serving.local_peer import LocalPeer, peer_of
from node.serving.raw_problem import MALFORMED, RawProblem
from node.serving.request_rules import body_too_long, head_too_long, problem_of


class _Refused(Exception):
    """Raised inside a callback of the parser; the problem is in the connection."""


class Connection(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self, config: Config, state: ServerState, on_lost: Callable[[], None], set_date: Callable[[], None]
    ) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        # Data after a request that closes the connection would be a second request to another reader.
        self.parser.set_dangerous_leniencies(lenient_data_after_close=False)
        self._on_lost = on_lost
        self._set_date = set_date
        self._problem: RawProblem | None = None
        self._lingers = False
        self._in_head = True
        self._head_size = 0
        self._body_size = 0
        self._receives = False
        self._deadlines = Deadlines(
            self.loop, is_paused=self._is_paused, is_receiving=lambda: self._receives, end=self._end_late
        )

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The client is connected, and its handshake is done."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=1)  # the next piece waits until the client has taken all before it
        connection: socket.socket | None = transport.get_extra_info("socket")
        if connection is not None and connection.family == socket.AF_UNIX:
            self.client = LocalPeer(host="", uid=-1)
            try:
                self.client = peer_of(connection)
            except OSError:
                transport.abort()
        self._deadlines.expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._deadlines.clear()
        super().connection_lost(exc)
        self._on_lost()

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._lingers or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if not self._receives:
            self._deadlines.expect_head(again=False)
        self._deadlines.data_came()
        if self._in_head:
            self._head_size += len(data)
        try:
            self._feed(data)
        except (httptools.HttpParserError, _Refused):
            self._refuse(self._problem or MALFORMED)
            return
        if self._in_head and self._head_size > HEADER_SIZE_BYTES_MAX:
            self._refuse(head_too_long())

    def _feed(self, data: bytes) -> None:
        """Parse; an upgrade is ignored (RFC 9110, 7.8), and what follows it is the next request."""
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
            else:
                return

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_head, self._receives, self._body_size = True, True, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if len(self.headers) >= HEADERS_MAX:
            self._stop(head_too_long())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """All headers are here: the application starts, unless the request is refused."""
        self._in_head = False
        self._head_size = 0
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEADER_SIZE_BYTES_MAX:
            self._stop(head_too_long())
        problem = problem_of(self.parser.get_method(), self.parser.get_http_version(), self.headers)
        if problem is not None:
            self._stop(problem)
        if len(self.pipeline) >= PIPELINED_MAX:
            self._stop(RawProblem(503, "connections_too_many", "the connection has too many requests at once"))
        self._set_date()
        try:
            super().on_headers_complete()
        except (httptools.HttpParserError, UnicodeDecodeError):  # the target of the request is not a URL
            self._stop(MALFORMED)
        self._deadlines.expect_body()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body_size += len(body)
        if self._body_size > BODY_SIZE_BYTES_MAX:
            self._stop(body_too_long())
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._receives, self._in_head = False, True
        self._head_size = 0
        self._deadlines.request_came()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is written. What is left of a body that nobody wants is not waited for."""
        wanted = self._receives and not self.pipeline and not self._in_head
        super().on_response_complete()
        if wanted and not self.transport.is_closing():
            self._linger()

    def pause_writing(self) -> None:
        """The client takes less than it gets."""
        super().pause_writing()
        self._deadlines.expect_reading()

    def resume_writing(self) -> None:
        """The client has taken it."""
        self._deadlines.reading_came()
        super().resume_writing()

    def _is_paused(self) -> bool:
        return self.flow.read_paused

    def _stop(self, problem: RawProblem) -> None:
        self._problem = problem
        raise _Refused

    def _end_late(self, problem: RawProblem | None) -> None:
        """A deadline has passed: answer with `problem`; None ends the connection without an answer."""
        if problem is None:
            self.transport.abort()
        elif not self._receives and self._head_size == 0:  # nothing of a request came: there is nothing to answer
            self.transport.close()
        else:
            self._refuse(problem)

    def _refuse(self, problem: RawProblem) -> None:
        """Answer with a problem and end the connection; a half answer is cut off instead."""
        if self.transport.is_closing() or self._lingers:
            return
        busy = self.cycle is not None and not self.cycle.response_complete
        if (busy and self.cycle.response_started) or self.pipeline:
            self.transport.abort()
            return
        if busy:  # the application waits for the body; it gets a disconnect, and its answer goes nowhere
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(problem.response())
        self._linger()

    def _linger(self) -> None:
        """Close so that the client can read the answer although it still sends: a reset would discard it."""
        self._lingers = True
        self._unset_keepalive_if_required()
        self._deadlines.linger()
        self.flow.resume_reading()
        with suppress(OSError, RuntimeError):
            if self.transport.can_write_eof():
                self.transport.write_eof()
