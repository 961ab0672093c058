"""The stream of what arrives: its order, its filters, how it resumes and how it ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from node.answers.plain_json import presentable
from node.commands.search import query_of, search
from node.database.engine import Store
from node.errors import Unavailable, UsageError
from node.limits import DAY_MS
from node.notifications import event_stream, event_streams, feed, live_feed
from node.notifications.event_stream import StreamRequest
from node.notifications.event_streams import EventStreams
from node.notifications.feed_filter import FeedFilter, cursor_of, filter_of
from node.store import access_log
from tests.support import postgres
from tests.support.exchange import TestNode, exchange
from tests.support.feeds import WHY, Streams, arrive, copy_messages

STREAMS, STREAMS_SLOW = 100, 1_000


@pytest.fixture
async def bz(tmp_path: Path) -> AsyncIterator[TestNode]:
    """A node that has one message."""
    async with exchange(tmp_path, "BZ") as made:
        node = made.nodes["BZ"]
        await arrive(node)
        yield node


def streams_of(node: TestNode) -> Streams:
    return Streams(node.store, node.clock)


async def found(node: TestNode) -> list[dict[str, Any]]:
    """What `search` answers about every message."""
    query = query_of(originators=["BZ"], since=None, limit=1000, after=None)
    return [presentable(report) for report in await search(node.store, query, actor="test")]


async def shown(node: TestNode) -> list[access_log.Entry]:
    """The entries about what streams showed."""
    entries = await node.store.read(partial(access_log.entries, after=0, limit=10_000))
    return [entry for entry in entries if entry.detail == "stream" and entry.subject]


async def test_a_stream_begins_with_what_arrives_after_it_was_opened(bz: TestNode) -> None:
    async with streams_of(bz).opened() as reader:
        await arrive(bz, narrative={"text": "Second.", "language": "en"})
        event = await reader.next()
    [_, second] = await found(bz)

    assert event is not None
    assert (str(event.id), event.data["message_id"]) == (second["cursor"], second["message_id"])


async def test_an_event_is_an_item_of_search_without_its_narrative(bz: TestNode) -> None:
    [first] = await found(bz)
    async with streams_of(bz).opened(0) as reader:
        event = await reader.next()

    assert event is not None
    assert first["report"].pop("narrative")["text"] == "A go-fast boat was seen off the cays."
    assert event.data == first


async def test_the_narrative_is_shown_to_those_who_ask_for_it(bz: TestNode) -> None:
    [first] = await found(bz)
    async with streams_of(bz).opened(0, content=True) as reader:
        event = await reader.next()

    assert event is not None
    assert event.data == first


async def test_a_stream_that_resumes_shows_what_came_after_its_last_event_and_nothing_twice(bz: TestNode) -> None:
    streams = streams_of(bz)
    ids = await bz.store.write(partial(copy_messages, number=5))
    async with streams.opened(ids[1]) as reader:
        resumed = [await reader.next() for _ in range(3)]
        await bz.store.write(partial(copy_messages, number=1))
        later = await reader.next()

    assert [event.id for event in resumed if event] == ids[2:]
    assert later is not None
    assert later.id == ids[-1] + 1


async def test_the_filters_leave_out_other_subjects_and_originators(bz: TestNode) -> None:
    streams, live = streams_of(bz), FeedFilter(subjects=("CONTRABAND",), originators=("BZ",))
    async with streams.opened(wanted=live) as reader, streams.opened(wanted=FeedFilter(originators=("GT",))) as other:
        await arrive(bz, subjects=["MONEY_LAUNDERING"])
        await arrive(bz, subjects=["CONTRABAND", "MONEY_LAUNDERING"])
        event = await reader.next()
        async with streams.opened(0, wanted=live) as resumed:
            again = await resumed.next()
        streams.stopping.set()
        nothing = await other.next()

    assert event is not None
    assert again == event
    assert event.data["report"]["subjects"] == ["CONTRABAND", "MONEY_LAUNDERING"]
    assert nothing is None


async def test_what_has_expired_is_not_shown(bz: TestNode) -> None:
    streams = streams_of(bz)
    await arrive(bz, retain_until="2028-12-30", narrative={"text": "Longer.", "language": "en"})
    bz.clock.now += 730 * DAY_MS
    async with streams.opened(0) as reader:
        event = await reader.next()

    assert event is not None
    assert event.data["report"]["retain_until"] == "2028-12-30"


async def test_each_event_has_an_entry_in_the_access_log_before_it_is_sent(bz: TestNode) -> None:
    async with streams_of(bz).opened(0, wanted=FeedFilter(originators=("BZ",))) as reader:
        event = await reader.next()
        [entry] = await shown(bz)

    assert event is not None
    assert (entry.subject, entry.actor) == (event.data["message_id"], "token case-system (1)")
    assert (entry.purpose, entry.reason) == ("INFORMATION_EXCHANGE", "case 7")
    assert entry.query == '{"originator":["BZ"]}'


async def test_what_cannot_be_logged_is_not_shown(bz: TestNode) -> None:
    async with streams_of(bz).opened(0) as reader:
        failing = patch.object(access_log, "add_consultations", side_effect=Unavailable("store_unavailable", "full"))
        with failing, pytest.raises(Unavailable, match="full"):
            await reader.next()


async def test_an_open_stream_without_events_gets_comments(bz: TestNode) -> None:
    with patch.object(event_stream, "COMMENT_SECONDS", 0.05):
        async with streams_of(bz).opened() as reader:
            assert [await reader.comment() for _ in range(3)] == ["the stream is open"] * 3
    assert event_stream.COMMENT_SECONDS == 15


async def test_a_stream_ends_with_a_comment_when_the_node_stops(bz: TestNode) -> None:
    streams = streams_of(bz)
    async with streams.opened() as reader:
        streams.stopping.set()

        assert await reader.next() is None
        assert reader.comments[-1].startswith("the node stops")


async def test_a_stream_ends_when_its_token_is_not_valid_any_more(bz: TestNode) -> None:
    """Its token is looked at before the stream sees what arrived after the revocation; other streams go on."""
    streams = streams_of(bz)
    async with streams.opened(token="a") as reader, streams.opened(token="b") as other:
        streams.invalid.add("a")
        await arrive(bz, narrative={"text": "Second.", "language": "en"})

        assert await reader.next() is None
        assert reader.comments[-1] == "the token is not valid any more"
        assert await other.next() is not None


async def test_a_slow_stream_takes_no_memory_and_misses_nothing(bz: TestNode) -> None:
    """The events in memory are limited; a stream that has fallen behind them reads from the store."""
    streams = streams_of(bz)
    with patch.object(live_feed, "EVENTS_HELD_MAX", 3):
        async with streams.opened() as slow, streams.opened() as quick:
            ids: list[int] = []
            for _ in range(4):
                added = await bz.store.write(partial(copy_messages, number=5))
                ids += added
                assert [event.id for event in [await quick.next() for _ in added] if event] == added
            assert len(streams.feed._events) <= 3

            assert [event.id for event in [await slow.next() for _ in ids] if event] == ids


async def test_the_bytes_in_memory_are_limited_too(bz: TestNode) -> None:
    streams = streams_of(bz)
    with patch.object(live_feed, "BYTES_HELD_MAX", 1):
        async with streams.opened() as slow, streams.opened() as quick:
            ids = await bz.store.write(partial(copy_messages, number=5))
            assert [event.id for event in [await quick.next() for _ in ids] if event] == ids

            assert len(streams.feed._events) == 1
            assert [event.id for event in [await slow.next() for _ in ids] if event] == ids


async def test_nothing_reads_the_store_while_no_stream_is_open(bz: TestNode) -> None:
    streams = streams_of(bz)
    async with streams.opened():
        assert streams.feed._task is not None
    assert streams.feed.streams == 0
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("live_feed")] == []


@pytest.mark.parametrize(
    "number", [pytest.param(STREAMS, id="sample"), pytest.param(STREAMS_SLOW, marks=pytest.mark.slow, id="all")]
)
async def test_many_streams_get_each_message(bz: TestNode, number: int) -> None:
    """One reader serves them: the store is read as often for many streams as for one."""
    streams = streams_of(bz)
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(streams.opened()) for _ in range(number)]
        with patch.object(live_feed, "read_page", side_effect=feed.read_page) as read:
            ids = await bz.store.write(partial(copy_messages, number=3))
            got = await asyncio.gather(*(_ids(reader, 3) for reader in readers))

    assert got == [ids] * number
    assert read.call_count <= 10
    assert len(await shown(bz)) == 3 * number


async def _ids(reader: Any, number: int) -> list[int]:
    return [event.id for event in [await reader.next(60) for _ in range(number)] if event]


async def test_two_processes_that_write_at_the_same_time_leave_no_message_out(bz: TestNode) -> None:
    """On PostgreSQL, transactions of both overlap. A stream that resumes after each event sees every message."""
    url = postgres.database()
    first, second = await Store.open(url), await Store.open(url)
    try:
        row = await bz.store.read(_first_row)
        await first.write(partial(_put_row, row=row))
        streams = Streams(first, bz.clock)

        async def write(store: Store) -> list[int]:
            return [id_ for _ in range(20) for id_ in await store.write(partial(copy_messages, number=2))]

        writing = asyncio.gather(write(first), write(second))
        seen = [1]
        while len(seen) < 81:
            async with streams.opened(seen[-1]) as reader:
                for _ in range(3):
                    if len(seen) < 81:
                        event = await reader.next()
                        assert event is not None
                        seen.append(event.id)
        written = sorted(id_ for ids in await writing for id_ in ids)
    finally:
        await first.close()
        await second.close()

    assert seen[1:] == written


def _first_row(db: Any) -> tuple[Any, ...]:
    from sqlalchemy import select

    from node.database.record_tables import message

    return tuple(db.execute(select(message)).one())


def _put_row(db: Any, row: tuple[Any, ...]) -> None:
    from node.database.record_tables import message
    from node.database.statements import insert_rows

    insert_rows(db, message, tuple(column.name for column in message.columns), [row])


def request(after: int | None = None, actor: str = "a") -> StreamRequest:
    return StreamRequest(wanted=FeedFilter(), content=False, after=after, actor=actor, token=None, why=WHY)


async def test_a_cursor_beyond_the_newest_message_is_refused(bz: TestNode) -> None:
    """It comes from another store: to wait for it would leave messages out without a word."""
    opened = partial(EventStreams().open, bz.store, clock=bz.clock, invalid=streams_of(bz).feed._invalid)

    with pytest.raises(UsageError) as refused:
        await opened(request(2), stopping=asyncio.Event())
    assert (refused.value.code, refused.value.path) == ("cursor_unknown", "Last-Event-ID")
    await (await opened(request(1), stopping=asyncio.Event())).aclose()


async def test_there_are_no_more_streams_than_their_limit(bz: TestNode) -> None:
    streams = EventStreams()
    opened = partial(
        streams.open, bz.store, clock=bz.clock, invalid=streams_of(bz).feed._invalid, stopping=asyncio.Event()
    )
    with patch.object(event_streams, "STREAMS_OPEN_MAX", 3), patch.object(event_streams, "STREAMS_OF_CALLER_MAX", 2):
        held = [await opened(request(actor="a")), await opened(request(actor="a")), await opened(request(actor="b"))]
        for index, parts in enumerate(held):
            await anext(parts)
            if index == 1:
                with pytest.raises(Unavailable) as refused:
                    await opened(request(actor="a"))
                assert refused.value.code == "streams_full"
        with pytest.raises(Unavailable):
            await opened(request(actor="c"))
        for parts in held:
            await parts.aclose()
        await (await opened(request(actor="a"))).aclose()


@pytest.mark.parametrize("text", ["", "-1", "x", "1.0", "٣", "9" * 19, "1 ", "0x1", "null", "1" * 10_000])
def test_what_is_not_a_cursor_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        cursor_of(text, "Last-Event-ID")
    assert (refused.value.code, refused.value.path) == ("cursor_unknown", "Last-Event-ID")
    assert len(refused.value.message) < 200


def test_filters_are_codes_and_few() -> None:
    assert filter_of(["contraband"], ["bz", "BZ"]) == FeedFilter(subjects=("CONTRABAND",), originators=("BZ",))
    for subjects, originators, field in (
        (["X"], [], "subject"),
        ([], ["?"], "originator"),
        ([], ["BZ"] * 101, "originator"),
    ):
        with pytest.raises(UsageError) as refused:
            filter_of(subjects, originators)
        assert refused.value.path == field
