"""`follow`: the messages that arrive at a node, read from its store, whether its daemon runs or not.

The same messages, in the same order and with the same cursors, as `GET /v1/stream`. The access log has each message
before it is shown.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import closing
from functools import partial
from typing import Any, Final

import msgspec

from node.commands.justification import Justification
from node.database.engine import Store
from node.errors import UsageError
from node.notifications.event_stream import StreamRequest
from node.notifications.feed import FeedEvent, read_page
from node.notifications.feed_filter import cursor_of, filter_of
from node.notifications.shown_log import Shown, ShownLog
from node.store import messages

LOOK_SECONDS: Final = 1.0  # between two looks, if nothing is committed


def follow_request(
    subjects: list[str], originators: list[str], *, content: bool, after: str | None, actor: str, why: Justification
) -> StreamRequest:
    """What is followed. Raises UsageError that names the wrong argument."""
    return StreamRequest(
        wanted=filter_of(subjects, originators),
        content=content,
        after=None if after is None else cursor_of(after, "after"),
        actor=actor,
        token=None,
        why=why,
    )


async def follow(store: Store, request: StreamRequest, clock: Callable[[], int]) -> AsyncGenerator[dict[str, Any]]:
    """Each message that arrives after the cursor of the request, or from now on; does not end by itself.

    Raises UsageError `cursor_unknown` about a cursor that this node has not given, and Unavailable.
    """
    shown, newest, stopping = ShownLog(store, clock), await store.read(messages.last_id), asyncio.Event()
    cursor = newest if request.after is None else request.after
    if cursor > newest:
        message = f"{cursor} is beyond the newest message of this node"
        hint = "the store of the node is another one than the one that gave it; begin with 0"
        raise UsageError("cursor_unknown", message, path="after", hint=hint)
    is_noted = False
    with closing(store.watch()) as changes:
        while True:
            page = await store.read(partial(read_page, wanted=request.wanted, after=cursor, now=clock()))
            if page.events or not is_noted:  # that nothing was there is an entry too, once
                await shown.note(_shown(request, page.events))
                is_noted = True
            for event in page.events:
                yield msgspec.json.decode(event.full if request.content else event.light)
            cursor = page.reached
            if page.is_last:
                await changes.wait(stopping, LOOK_SECONDS)


def _shown(request: StreamRequest, events: tuple[FeedEvent, ...]) -> Shown:
    ids = [event.message_id for event in events]
    return Shown(actor=request.actor, query=request.query, message_ids=ids, why=request.why)
