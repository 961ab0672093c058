"""One stream of server-sent events: its bytes, from the first comment to its end.

- Each message is an event `message` with the cursor as `id` and its JSON, which is one line, as `data`.
- A comment comes first, and then at least every COMMENT_SECONDS, so that neither side takes a silent connection for a
  dead one.
- The access log has each event before it is sent. A stream that begins without an event counts as one empty poll.
- The stream ends by itself when the node stops or the token is not valid any more. A comment says why. The client
  resumes after the last `id` that it got.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

import msgspec

from node.commands.justification import Justification
from node.notifications.feed import FeedEvent
from node.notifications.feed_filter import FeedFilter
from node.notifications.live_feed import LiveFeed
from node.notifications.shown_log import Shown, ShownLog

COMMENT_SECONDS: Final = 15.0
RETRY_MS: Final = 3_000  # how long a browser waits before it resumes
EVENTS_TOGETHER_MAX: Final = 50  # events between two looks at the end of the stream

STILL_OPEN: Final = b": the stream is open\n\n"
NODE_STOPS: Final = b": the node stops; resume later with Last-Event-ID\n\n"
TOKEN_ENDED: Final = b": the token is not valid any more\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest:
    """What a reader asked for, who it is, and why."""

    wanted: FeedFilter
    content: bool
    """Whether the narrative is wanted too."""

    after: int | None
    """The cursor of the last event that the reader has; None: from now on."""

    actor: str
    token: str | None
    why: Justification

    @property
    def query(self) -> str:
        """The question, as the access log keeps it."""
        filters = {
            "subject": list(self.wanted.subjects),
            "originator": list(self.wanted.originators),
            "content": self.content,
        }
        return msgspec.json.encode({name: value for name, value in filters.items() if value}).decode()


async def event_stream(feed: LiveFeed, shown: ShownLog, request: StreamRequest) -> AsyncGenerator[bytes]:
    """The bytes of the stream. Raises Unavailable if the store cannot be read or the access log not be written."""
    loop = asyncio.get_running_loop()
    async with feed.opened(request.token) as head:
        cursor = head if request.after is None else request.after
        yield opened_at(cursor)
        said_at, is_noted = loop.time(), False
        while True:
            if (end := _end(feed, request)) is not None:
                yield end
                return
            page = await feed.page(request.wanted, cursor, EVENTS_TOGETHER_MAX)
            if page.events:
                await shown.note(_shown(request, page.events))
                for event in page.events:
                    yield event_bytes(event, content=request.content)
                said_at = loop.time()
            cursor = page.reached
            if not page.is_last or page.events:
                is_noted = True
                continue
            if not is_noted:
                await shown.note(_shown(request, ()))
                is_noted = True
            await feed.wait(cursor, request.token, max(0.0, said_at + COMMENT_SECONDS - loop.time()))
            if loop.time() >= said_at + COMMENT_SECONDS:
                yield STILL_OPEN
                said_at = loop.time()


def _end(feed: LiveFeed, request: StreamRequest) -> bytes | None:
    """The last comment of a stream that has to end."""
    if feed.is_ended(request.token):
        return TOKEN_ENDED
    return NODE_STOPS if feed.is_stopping else None


def _shown(request: StreamRequest, events: tuple[FeedEvent, ...]) -> Shown:
    ids = [event.message_id for event in events]
    return Shown(actor=request.actor, query=request.query, message_ids=ids, why=request.why)


def opened_at(cursor: int) -> bytes:
    """The beginning of a stream. Its `id` is the place from which a client resumes that is cut off before an event."""
    return b": the stream is open\nretry: %d\nid: %d\n\n" % (RETRY_MS, cursor)


def event_bytes(event: FeedEvent, *, content: bool) -> bytes:
    """One event. JSON has no line end outside of its escapes, so the data is one line."""
    data = event.full if content else event.light
    return b"event: message\nid: %d\ndata: %b\n\n" % (event.cursor, data)
