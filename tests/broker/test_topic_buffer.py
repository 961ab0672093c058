"""What a reader of Kafka keeps of what the client delivers: a broker may answer anything."""

from collections.abc import Collection
from typing import Any, cast
from unittest.mock import patch

import pytest

from broker.fault_news import FaultNews
from broker.kafka import topic_buffer
from broker.kafka.reader import Reader
from broker.kafka.topic_buffer import TopicBuffer
from broker.log import POSITION_MAX, VALUE_SIZE_BYTES_MAX, Entry, Fault, Fetched

TOPIC = "intel.caribbean.bz"


def buffer(position: int = 5) -> TopicBuffer:
    return TopicBuffer(next=position, tail=position)


def taken(state: TopicBuffer) -> tuple[list[int], Fault | None, int | None]:
    """The positions of everything, the fault, and where to go on."""
    entries, fault, after = state.take(100, 10**9)
    return [entry.position for entry in entries], fault, after


def test_records_that_follow_are_kept_also_with_holes_between_them() -> None:
    """Compaction and transactions leave holes."""
    state = buffer()

    assert state.keep(TOPIC, [(5, b"a", None), (9, None, None)])
    assert taken(state) == ([5, 9], None, None)
    assert (state.next, state.tail) == (10, 10)


@pytest.mark.parametrize("positions", [(4,), (-1,), (POSITION_MAX,), (2**63 - 1,), (2**64,), (0, 1, 2)])
def test_positions_that_do_not_follow_are_no_records(positions: tuple[int, ...]) -> None:
    """Below the one before, negative, or above the limit."""
    state = buffer()

    assert not state.keep(TOPIC, [(position, b"x", None) for position in positions])
    assert taken(state) == ([], None, None)


def test_a_position_that_goes_back_between_others_is_left_out() -> None:
    state = buffer()

    assert state.keep(TOPIC, [(5, b"a", None), (3, b"b", None), (5, b"again", None), (6, b"c", None)])
    assert taken(state) == ([5, 6], None, None)


def test_of_a_long_value_the_beginning_is_kept() -> None:
    state = buffer()
    state.keep(TOPIC, [(5, bytes(VALUE_SIZE_BYTES_MAX), None), (6, bytes(10 * VALUE_SIZE_BYTES_MAX), None)])

    assert [len(entry.value or b"") for entry in state.buffer] == [VALUE_SIZE_BYTES_MAX, VALUE_SIZE_BYTES_MAX + 1]


def test_records_that_arrive_end_a_fault() -> None:
    state = buffer()
    state.fault, state.failures = Fault.CORRUPT, 3
    state.keep(TOPIC, [(4, b"x", None)])
    before = [state.fault, state.failures]
    state.keep(TOPIC, [(5, b"x", None)])

    assert before == [Fault.CORRUPT, 3]
    assert [state.fault, state.failures] == [None, 0]


def test_positions_without_a_record_are_passed_over_behind_the_records() -> None:
    """Once: the caller then asks for the position after them."""
    state = buffer()
    state.keep(TOPIC, [(5, b"a", None), (6, b"b", None)])
    state.pass_over(9)
    first, _, early = state.take(1, 10**9)

    assert ([entry.position for entry in first], early) == ([5], None)
    assert taken(state) == ([6], None, 9)
    assert taken(state) == ([], None, None)
    assert state.next == 9


@pytest.mark.parametrize("position", [4, 5, POSITION_MAX + 1])
def test_nothing_is_passed_over_backwards_or_beyond_the_limit(position: int) -> None:
    state = buffer()
    state.pass_over(position)

    assert taken(state) == ([], None, None)


def test_a_fault_is_reported_behind_the_records() -> None:
    state = buffer()
    state.keep(TOPIC, [(5, b"a", None), (6, b"b", None)])
    state.fault = Fault.CORRUPT

    assert state.take(1, 10**9)[1] is None
    assert taken(state) == ([6], Fault.CORRUPT, None)


def test_a_seek_forgets_records_and_faults() -> None:
    state = buffer()
    state.keep(TOPIC, [(5, b"a", None)])
    state.fault, state.failures = Fault.DENIED, 2
    state.seek(2)

    assert taken(state) == ([], None, None)
    assert (state.next, state.tail, state.failures) == (2, 2, 0)


def test_an_answer_without_a_record_ends_a_wait_only_once() -> None:
    """A caller that ignores it does not turn without a pause."""
    news = FaultNews()
    passed = [Fetched(topic=TOPIC, entries=(), after=9)]
    corrupt = [Fetched(topic=TOPIC, entries=(), fault=Fault.CORRUPT)]

    assert [news.is_news(passed, {TOPIC: 5}), news.is_news(passed, {TOPIC: 5})] == [True, False]
    assert news.is_news(corrupt, {TOPIC: 9})
    assert not news.is_news(corrupt, {TOPIC: 9})
    assert news.is_news([Fetched(topic=TOPIC, entries=(Entry(topic=TOPIC, position=9, value=b"x"),))], {TOPIC: 9})
    assert news.is_news(passed, {TOPIC: 5})


class Flood:
    """A client that delivers many records of one topic with each call, unless the topic is paused."""

    def __init__(self) -> None:
        self.paused: set[str] = set()
        self.position = 0

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None

    def pause(self, topic: str) -> None:
        self.paused.add(topic)

    def resume(self, topic: str) -> None:
        self.paused.discard(topic)

    async def positions(self, _topics: Collection[str]) -> dict[str, int]:
        return {}

    async def get(self, _wait: float, _most: int | None) -> dict[str, list[tuple[int, bytes | None, int | None]]]:
        if TOPIC in self.paused:
            return {}
        self.position += 1000
        return {TOPIC: [(position, b"x" * 100, None) for position in range(self.position - 1000, self.position)]}


@pytest.mark.parametrize(("records", "size"), [(3000, 2**40), (2**40, 300_000)], ids=["records", "bytes"])
async def test_a_topic_with_a_long_backlog_is_not_read_into_memory_while_another_one_is_idle(
    records: int, size: int
) -> None:
    """The client reads it on when records were taken, and none is lost or doubled."""
    client = Flood()
    reader = Reader(cast(Any, client))
    with patch.multiple(topic_buffer, BUFFERED_RECORDS_MAX=records, BUFFERED_BYTES_MAX=size):
        positions, most = {TOPIC: 0, "keys.bz": 0}, 0
        seen: list[int] = []
        for _ in range(60):
            reader.follow(positions)
            if (pump := reader.pump()) is not None:
                await pump
            most = max(most, client.position - positions[TOPIC])
            entries, _, _ = reader.take(TOPIC, 100, 10**9)
            seen += [entry.position for entry in entries]
            positions[TOPIC] += len(entries)

    assert most <= 3000 + 1000
    assert seen == list(range(60 * 100))
