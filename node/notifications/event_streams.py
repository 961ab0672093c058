"""The open streams of a process: how many there may be, and what they share."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from node.database.engine import Store
from node.errors import Unavailable, UsageError
from node.notifications.event_stream import StreamRequest, event_stream
from node.notifications.live_feed import Invalid, LiveFeed
from node.notifications.shown_log import ShownLog
from node.store import messages

STREAMS_OPEN_MAX: Final = 2_000
STREAMS_OF_CALLER_MAX: Final = 1_500


class EventStreams:
    """Opens streams. What they share is made with the first one."""

    def __init__(self) -> None:
        self._feed: LiveFeed | None = None
        self._shown: ShownLog | None = None
        self._of_caller: Counter[str] = Counter()

    async def open(
        self,
        store: Store,
        request: StreamRequest,
        *,
        clock: Callable[[], int],
        invalid: Invalid,
        stopping: asyncio.Event,
    ) -> AsyncGenerator[bytes]:
        """The bytes of a new stream.

        Raises UsageError `cursor_unknown` about a cursor that this node has not given, and Unavailable `streams_full`.
        """
        if request.after is not None and request.after > await store.read(messages.last_id):
            hint = "the store of the node is another one than the one that gave it; begin with 0"
            message = f"{request.after} is beyond the newest event of this node"
            raise UsageError("cursor_unknown", message, path="Last-Event-ID", hint=hint)
        self._check_room(request.actor)
        if self._feed is None or self._shown is None:
            self._feed, self._shown = LiveFeed(store, clock, invalid, stopping), ShownLog(store, clock)
        return self._counted(self._feed, self._shown, request)

    def _check_room(self, actor: str) -> None:
        if self._of_caller.total() >= STREAMS_OPEN_MAX or self._of_caller[actor] >= STREAMS_OF_CALLER_MAX:
            raise Unavailable("streams_full", "there are too many open streams", hint="close some, or try again later")

    async def _counted(self, feed: LiveFeed, shown: ShownLog, request: StreamRequest) -> AsyncGenerator[bytes]:
        with self._one_more(request.actor):
            async for part in event_stream(feed, shown, request):
                yield part

    @contextmanager
    def _one_more(self, actor: str) -> Iterator[None]:
        self._check_room(actor)
        self._of_caller[actor] += 1
        try:
            yield
        finally:
            self._of_caller[actor] -= 1
            if not self._of_caller[actor]:
                del self._of_caller[actor]
