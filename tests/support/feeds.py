"""Streams of a store in tests: what a reader gets, as an event source parses it; and many messages at once."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from node.commands.justification import Justification
from node.database.engine import Store, Transaction
from node.database.record_tables import message, message_subject
from node.database.statements import insert_rows
from node.notifications.event_stream import StreamRequest, event_stream
from node.notifications.feed_filter import FeedFilter
from node.notifications.live_feed import LiveFeed
from node.notifications.shown_log import ShownLog
from node.store import messages
from node.system_random import random_bytes
from tests.support.exchange import Clock, TestNode

WHY = Justification(purpose="INFORMATION_EXCHANGE", reason="case 7")


@dataclass(frozen=True)
class Event:
    """One event of a stream."""

    id: int
    data: dict[str, Any]


@dataclass
class Reader:
    """One open stream, read bit by bit."""

    parts: AsyncGenerator[bytes]
    comments: list[str] = field(default_factory=list)

    async def next(self, seconds: float = 20) -> Event | None:
        """The next event; None at the end of the stream. Comments are kept."""
        async with asyncio.timeout(seconds):
            async for part in self.parts:
                found = [parsed for block in part.decode().split("\n\n") if block for parsed in self._parse(block)]
                if found:
                    [event] = found
                    return event
        return None

    async def comment(self, seconds: float = 20) -> str:
        """The next part, which must be a comment."""
        async with asyncio.timeout(seconds):
            assert self._parse((await anext(self.parts)).decode()) == []
        return self.comments[-1]

    def _parse(self, block: str) -> list[Event]:
        """As the specification of server-sent events says."""
        fields: dict[str, str] = {}
        for line in block.strip("\n").split("\n"):
            name, _, value = line.partition(":")
            if not name:
                self.comments.append(value.strip())
            else:
                fields[name] = value.removeprefix(" ")
        if "data" not in fields:
            return []
        assert fields["event"] == "message"
        return [Event(id=int(fields["id"]), data=json.loads(fields["data"]))]


@dataclass
class Streams:
    """The streams of one process."""

    store: Store
    clock: Clock
    invalid: set[str] = field(default_factory=set)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        async def invalid(tokens: Collection[str]) -> Collection[str]:
            return self.invalid & set(tokens)

        self.feed = LiveFeed(self.store, self.clock, invalid, self.stopping)
        self.shown = ShownLog(self.store, self.clock)

    @asynccontextmanager
    async def opened(
        self,
        after: int | None = None,
        *,
        wanted: FeedFilter | None = None,
        content: bool = False,
        token: str | None = None,
    ) -> AsyncIterator[Reader]:
        """A stream that has begun."""
        request = StreamRequest(
            wanted=wanted or FeedFilter(),
            content=content,
            after=after,
            actor="token case-system (1)",
            token=token,
            why=WHY,
        )
        async with aclosing(event_stream(self.feed, self.shown, request)) as parts:
            reader = Reader(parts)
            assert await reader.comment() == "the stream is open"
            yield reader


async def arrive(node: TestNode, **changes: Any) -> None:
    """One more message is stored at the node, which sent it itself."""
    await node.publish(**changes)
    await node.read()


def copy_messages(db: Transaction, number: int, *, subject: str | None = None) -> list[int]:
    """Copies of the first message, each with an id of its own; returns their cursors."""
    first = tuple(db.execute(select(message).order_by(message.c.id).limit(1)).one())
    names = tuple(column.name for column in message.columns)
    begin = messages.next_id(db)
    ids = list(range(begin, begin + number))
    rows = []
    for id_ in ids:
        row = dict(zip(names, first, strict=True)) | {
            "id": id_,
            "message_id": random_bytes(16),
            "sequence": 10**6 + id_,
        }
        rows.append(tuple(row.values()))
    insert_rows(db, message, names, rows)
    if subject is not None:
        insert_rows(db, message_subject, ("subject", "message"), [(subject, id_) for id_ in ids])
    return ids
