"""Pages of the feed: the messages that this node holds, in the order in which they became visible.

The cursor is that of `search`: the id of a message. Ids become visible in their order (node/store/messages.py), so what
was read up to a cursor is complete, and a reader that goes on after it skips nothing.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from node.database.engine import Transaction
from node.notifications.event_form import item_of, without_narrative
from node.notifications.feed_filter import FeedFilter
from node.store import message_search, messages
from node.store.message_search import HeldMessage, Query

PAGE_EVENTS_MAX: Final = 100  # messages of one page; each may have 1 MB as JSON
PAGE_BYTES_MAX: Final = 4 * 1024 * 1024  # a page ends with the message that passes it


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEvent:
    """One message, in both forms as JSON."""

    cursor: int
    message_id: str
    originator: str
    subjects: frozenset[str]
    expires_at: int
    """In ms; it is not shown from then on."""

    light: bytes
    """Without the narrative."""

    full: bytes

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.light) + len(self.full)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The next messages of a reader."""

    events: tuple[FeedEvent, ...]
    reached: int
    """Every message up to this cursor is in this page, in an earlier one, or not wanted."""

    is_last: bool
    """Nothing more was there."""


def event_of(message: HeldMessage) -> FeedEvent:
    """The event of a message that has its report."""
    item: dict[str, Any] = item_of(message)
    return FeedEvent(
        cursor=int(message.cursor),
        message_id=item["message_id"],
        originator=message.originator,
        subjects=frozenset(item["report"].get("subjects", ())),
        expires_at=message.expires_at,
        light=msgspec.json.encode(without_narrative(item)),
        full=msgspec.json.encode(item),
    )


def read_page(db: Transaction, wanted: FeedFilter, *, after: int, now: int) -> Page:
    """The next messages after a cursor that have not expired at `now` (ms)."""
    last = messages.last_id(db)  # before the search: what comes later belongs to the next page
    query = Query(
        originators=wanted.originators,
        subjects=wanted.subjects,
        after=after,
        limit=PAGE_EVENTS_MAX,
        unexpired_at=now,
    )
    found = [message for message in message_search.search(db, query) if message.report is not None]
    events: list[FeedEvent] = []
    size = 0
    for message in found:
        events.append(event_of(message))
        size += events[-1].size
        if size > PAGE_BYTES_MAX:
            break
    is_last = len(events) == len(found) < PAGE_EVENTS_MAX
    reached = max(last, after) if is_last or not events else events[-1].cursor
    return Page(events=tuple(events), reached=reached, is_last=is_last)
