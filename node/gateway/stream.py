"""`GET /v1/stream`: what arrives, as server-sent events.

A client that does not take a piece of its events within SEND_SECONDS_MAX is disconnected. It resumes with
`Last-Event-ID`.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Final

import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from node.credentials import token_rows
from node.errors import Unavailable, UsageError
from node.gateway.call import Call
from node.gateway.endpoint import Endpoint, Parameter
from node.gateway.problem import HttpError
from node.gateway.served import Served
from node.http.query import single
from node.integrators import scopes
from node.notifications.event_stream import StreamRequest
from node.notifications.feed_filter import cursor_of, filter_of
from node.notifications.live_feed import Invalid
from node.serving.pieces import pieces_of

SEND_SECONDS_MAX: Final = 20.0  # for a piece of an event; below the limit of the connection, so that the log has it
LAST_EVENT_ID: Final = "Last-Event-ID"
TRUE_OR_FALSE: Final = {"true": True, "false": False}

log = structlog.get_logger()


class EventResponse(Response):
    """The answer that ends only when the stream ends, or when its client goes or stands still."""

    def __init__(self, parts: AsyncGenerator[bytes]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(b"", 200, headers, "text/event-stream; charset=utf-8")
        del self.headers["content-length"]
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - of the protocol
        """Send the parts; stop when the client has gone."""
        sending = asyncio.ensure_future(self._send(send))
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            sending.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        async with aclosing(self._parts) as parts:
            try:
                await _in_time(send, {"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                async for part in parts:
                    for piece in pieces_of(part):
                        await _in_time(send, {"type": "http.response.body", "body": piece, "more_body": True})
            except Unavailable as error:
                log.warning("stream_interrupted", reason=error.code)
            except TimeoutError:
                log.warning("stream_interrupted", reason="client_too_slow")
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _in_time(send: Send, message: Message) -> None:
    async with asyncio.timeout(SEND_SECONDS_MAX):
        await send(message)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _invalid(served: Served) -> Invalid:
    """Which of the tokens of open streams were revoked or have expired."""

    async def invalid(tokens: Collection[str]) -> Collection[str]:
        known = await served.store.read(lambda db: token_rows.by_ids(db, list(tokens)))
        now = served.now_ms()
        valid = {id_ for id_, row in known.items() if row.revoked_at is None and now < row.expires_at}
        return set(tokens) - valid

    return invalid


async def stream(call: Call) -> Response:
    """Open a stream."""
    content = TRUE_OR_FALSE.get(single(call.query, "content") or "false")
    if content is None:
        raise UsageError("value_invalid", "content is true or false", path="content")
    given = call.request.headers.get(LAST_EVENT_ID)
    request = StreamRequest(
        wanted=filter_of(call.query.get("subject", ()), call.query.get("originator", ())),
        content=content,
        after=cursor_of(given, LAST_EVENT_ID) if given else None,  # empty: no event yet, as in the HTML Standard
        actor=call.caller.actor,
        token=call.caller.token_id,
        why=call.why,
    )
    if call.request.method == "HEAD":
        raise HttpError(405, "method_not_allowed", "the stream has no HEAD", hint="use GET")
    served = call.served
    parts = await served.streams.open(
        served.store, request, clock=served.intake.clock, invalid=_invalid(served), stopping=served.stopping
    )
    return EventResponse(parts)


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/stream",
        scopes=frozenset({scopes.Scope.READ}),
        handle=stream,
        summary="What arrives, as server-sent events: from now on, or after Last-Event-ID (0: all)",
        consults=True,
        query=(
            Parameter(name="subject", summary="Only messages with this subject", repeated=True),
            Parameter(name="originator", summary="Only messages of this originator", repeated=True),
            Parameter(
                name="content",
                summary="Whether the narrative is sent too",
                schema={"type": "boolean", "default": False},
            ),
        ),
        headers=(Parameter(name=LAST_EVENT_ID, summary="The id of the last event that the client has"),),
        answers={200: None},
        produces="text/event-stream",
    ),
)
