"""The deadlines of one connection: each wait for the client has one.

A wait for the body does not count while the server itself does not read, because the application is busy. A wait for
the client to take its answer does not end while it still sends its request: many clients read only afterwards.
"""

import asyncio
from collections.abc import Callable

from node.serving.limits import (
    BODY_SECONDS_MAX,
    BODY_SILENCE_SECONDS_MAX,
    HEADER_SECONDS_MAX,
    LINGER_SECONDS_MAX,
    WRITE_SECONDS_MAX,
)
from node.serving.raw_problem import RawProblem


class Deadlines:
    """Calls `end` with the problem to answer, or None to cut the connection off."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        is_paused: Callable[[], bool],
        is_receiving: Callable[[], bool],
        end: Callable[[RawProblem | None], None],
    ) -> None:
        self._loop = loop
        self._is_paused = is_paused
        self._is_receiving = is_receiving
        self._end = end
        self._request: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._body_began = 0.0
        self._came_at = 0.0
        self._looked_at = 0.0

    def expect_head(self, *, again: bool = True) -> None:
        """A whole head must come from now on; with `again` False, a wait that runs goes on."""
        if again or self._request is None:
            self._start(HEADER_SECONDS_MAX, self._head_is_late)

    def expect_body(self) -> None:
        """The body must come from now on."""
        self._body_began = self._came_at = self._looked_at = self._loop.time()
        self._start(BODY_SILENCE_SECONDS_MAX, self._look_at_body)

    def data_came(self) -> None:
        """The client sent something."""
        self._came_at = self._loop.time()

    def request_came(self) -> None:
        """The request is complete; its client has the whole time from now on to take its answer."""
        self._cancel_request()
        if self._writing is not None:
            self.reading_came()
            self.expect_reading()

    def expect_reading(self) -> None:
        """The client must take what was written."""
        if self._writing is None:
            self._writing = self._loop.call_later(WRITE_SECONDS_MAX, self._look_at_reading)

    def reading_came(self) -> None:
        """The client has taken it."""
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def linger(self) -> None:
        """Cut the connection off soon, whatever comes."""
        self._start(LINGER_SECONDS_MAX, lambda: self._end(None))

    def clear(self) -> None:
        """The connection has ended."""
        self._cancel_request()
        self.reading_came()

    def _start(self, seconds: float, then: Callable[[], None]) -> None:
        self._cancel_request()
        self._request = self._loop.call_later(seconds, then)

    def _cancel_request(self) -> None:
        if self._request is not None:
            self._request.cancel()
            self._request = None

    def _head_is_late(self) -> None:
        self._request = None
        message = f"the head of the request took longer than {HEADER_SECONDS_MAX:g} s"
        self._end(RawProblem(408, "request_too_slow", message))

    def _look_at_reading(self) -> None:
        """The client takes nothing: it is gone, unless it still sends its request."""
        self._writing = None
        if self._is_receiving():
            self.expect_reading()
        else:
            self._end(None)

    def _look_at_body(self) -> None:
        """The body is late, or the wait goes on."""
        now = self._loop.time()
        waited, self._looked_at = now - self._looked_at, now
        self._request = None
        if self._is_paused():
            self._body_began += waited
            self._came_at = now
            self._start(BODY_SILENCE_SECONDS_MAX, self._look_at_body)
            return
        left = min(self._came_at + BODY_SILENCE_SECONDS_MAX, self._body_began + BODY_SECONDS_MAX) - now
        if left > 0:
            self._start(left, self._look_at_body)
            return
        message = f"the body stood still for {BODY_SILENCE_SECONDS_MAX:g} s, or took longer than {BODY_SECONDS_MAX:g} s"
        self._end(RawProblem(408, "request_too_slow", message))
