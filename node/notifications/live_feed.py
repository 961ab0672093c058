"""What arrives, for all open streams of a process: one reader, and the newest events in memory.

- One task reads the store after each commit, and only while a stream is open. The streams share its events, so a
  further stream costs its own position and no read.
- The number and the bytes of the events in memory are limited. A stream that has fallen behind them, or resumes at an
  old cursor, reads pages from the store until it has caught up. So a slow stream takes no memory and misses nothing.
- Before the streams see new events, the tokens of all open streams are looked at again.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import Final

from node.database.engine import Store
from node.notifications.feed import FeedEvent, Page, read_page
from node.notifications.feed_filter import FeedFilter
from node.runtime.jobs import repeat
from node.store import messages

EVENTS_HELD_MAX: Final = 1_000
BYTES_HELD_MAX: Final = 16 * 1024 * 1024
CATCH_UP_READS_MAX: Final = 2  # pages that streams read from the store at the same time
LOOK_SECONDS: Final = 1.0  # between two looks at the tokens, if nothing is committed

Invalid = Callable[[Collection[str]], Awaitable[Collection[str]]]
"""Ids of tokens -> those that are not valid any more."""


class LiveFeed:
    """The newest events, and the streams that wait for the next ones."""

    def __init__(self, store: Store, clock: Callable[[], int], invalid: Invalid, stopping: asyncio.Event) -> None:
        """When `stopping` is set, each stream is to end."""
        self._store = store
        self._clock = clock
        self._invalid = invalid
        self._tokens: dict[str, int] = {}
        self._ended: frozenset[str] = frozenset()
        self._events: list[FeedEvent] = []
        self._size = 0
        self._floor = 0
        self._head = 0
        self._streams = 0
        self._changed: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = stopping
        self._ending = asyncio.Event()
        self._stop: asyncio.Task[bool] | None = None
        self._catching_up = asyncio.Semaphore(CATCH_UP_READS_MAX)
        self._starting = asyncio.Lock()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return self._streams

    @property
    def is_stopping(self) -> bool:
        """Whether each stream is to end."""
        return self._stopping.is_set()

    def is_ended(self, token: str | None) -> bool:
        """Whether the token of a stream is not valid any more."""
        return token in self._ended

    @asynccontextmanager
    async def opened(self, token: str | None) -> AsyncIterator[int]:
        """One open stream; gives the cursor of the newest message. The reader runs while a stream is open."""
        self._streams += 1
        if token is not None:
            self._tokens[token] = self._tokens.get(token, 0) + 1
        try:
            async with self._starting:
                if self._task is None:
                    await self._start()
            yield self._head
        finally:
            self._streams -= 1
            self._forget(token)
            if self._streams == 0:
                await self._end()

    def _forget(self, token: str | None) -> None:
        if token is not None:
            self._tokens[token] -= 1
            if not self._tokens[token]:
                del self._tokens[token]

    async def _start(self) -> None:
        self._head = self._floor = await self._store.read(messages.last_id)
        self._events, self._size = [], 0
        self._ending = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._read(self._ending), name="live_feed")
        self._stop = loop.create_task(self._stopping.wait(), name="live_feed_stop")
        ending = self._ending
        self._stop.add_done_callback(lambda _: ending.set())

    async def _end(self) -> None:
        task, self._task = self._task, None
        if task is not None and self._stop is not None:
            self._stop.cancel()
            self._ending.set()
            await asyncio.wait((task,))  # a step that runs is finished: it may open a connection

    async def _read(self, ending: asyncio.Event) -> None:
        with closing(self._store.watch()) as changes:

            async def step() -> None:
                await self._look_at_tokens()
                while await self._take_in():
                    pass
                await changes.wait(ending, LOOK_SECONDS)

            try:
                await repeat("live_feed", step, ending)
            finally:
                self._wake()

    async def _look_at_tokens(self) -> None:
        ended = frozenset(await self._invalid(frozenset(self._tokens))) if self._tokens else frozenset()
        if ended != self._ended:
            self._ended = ended
            if ended:
                self._wake()

    async def _take_in(self) -> bool:
        """Read the next page; whether there may be more."""
        work = partial(read_page, wanted=FeedFilter(), after=self._head, now=self._clock())
        page = await self._store.read(work)
        if page.reached == self._head:
            return False
        self._events += page.events
        self._size += sum(event.size for event in page.events)
        self._head = page.reached
        while len(self._events) > EVENTS_HELD_MAX or (self._size > BYTES_HELD_MAX and len(self._events) > 1):
            oldest = self._events.pop(0)
            self._size -= oldest.size
            self._floor = oldest.cursor
        if page.events:
            self._wake()
        return not page.is_last

    def _wake(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)
        self._changed = None

    async def page(self, wanted: FeedFilter, after: int, most: int) -> Page:
        """The next events after a cursor that a stream wants, at most `most`. Raises Unavailable."""
        now = self._clock()
        if after < self._floor:
            async with self._catching_up:
                return await self._store.read(partial(read_page, wanted=wanted, after=after, now=now))
        found: list[FeedEvent] = []
        for event in self._events[bisect_right(self._events, after, key=lambda event: event.cursor) :]:
            if len(found) == most:
                return Page(events=tuple(found), reached=found[-1].cursor, is_last=False)
            if wanted.takes(event.originator, event.subjects) and event.expires_at > now:
                found.append(event)
        return Page(events=tuple(found), reached=max(self._head, after), is_last=True)

    async def wait(self, after: int, token: str | None, seconds: float) -> None:
        """Return when there are events after a cursor, when tokens ended or the feed stops, or after `seconds`."""
        if self._task is not None and self._task.done():
            self._task.result()  # the reader has a bug, and each stream raises it
        if self._head > after or self.is_stopping or self.is_ended(token):
            return
        if self._changed is None:
            self._changed = asyncio.get_running_loop().create_future()
        await asyncio.wait((self._changed,), timeout=seconds)
