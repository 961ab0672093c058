"""What every log promises, written against the port alone (`broker.log`). See `tests.support.logs` for the
implementations.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from broker.log import (
    FETCH_SIZE_BYTES_MAX,
    VALUE_SIZE_BYTES_MAX,
    Bounds,
    Entry,
    Fault,
    Fetched,
    Log,
    LogUnavailable,
    RecordTooLarge,
    TopicMissing,
)
from tests.support.logs import (
    DEADLINE_SECONDS,
    IMPLEMENTATIONS,
    Harness,
    child,
    line_of,
    read_all,
    spec,
)

LONG = 50.0  # seconds of waiting that a test must not need


@pytest.fixture(params=IMPLEMENTATIONS)
async def log_factory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    """A bus of its own for each test, once for each implementation."""
    async with IMPLEMENTATIONS[request.param](tmp_path) as harness:
        yield harness


async def provisioned(harness: Harness, *names: str) -> list[str]:
    """Topics that exist."""
    topics = [harness.topic(name) for name in names]
    await harness.open().provision([spec(topic) for topic in topics])
    return topics


def values(entries: list[Entry]) -> list[bytes | None]:
    """What the entries say."""
    return [entry.value for entry in entries]


async def test_appended_values_come_back_in_their_order_at_growing_positions(log_factory: Harness) -> None:
    """Order of calls and order inside a call are the order of the topic."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()

    ends = [await log.append(topic, [b"a", b"b"]), await log.append(topic, [b"c"])]

    entries = await read_all(log_factory.open(), topic, 3)
    assert [Entry(topic=topic, position=at, value=v) for at, v in enumerate([b"a", b"b", b"c"])] == entries
    assert all(end in (-1, expected) for end, expected in zip(ends, [2, 3], strict=True))
    assert {topic: Bounds(beginning=0, end=3)} == await log.bounds([topic])


async def test_a_fetch_from_a_position_starts_there(log_factory: Harness) -> None:
    """Positions are inclusive."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()
    await log.append(topic, [b"a", b"b", b"c"])

    assert values(await read_all(log, topic, 2, position=1)) == [b"b", b"c"]


async def test_a_fetch_without_news_answers_nothing_when_its_wait_is_over(log_factory: Harness) -> None:
    """An empty list, not an error."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()

    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await log.fetch({topic: 0}, records_max=10, wait_seconds=0.05) == []


async def test_a_waiting_fetch_wakes_when_another_log_object_appends(log_factory: Harness) -> None:
    """Nobody waits out the time for a record that is there."""
    [topic, other] = await provisioned(log_factory, "keys.bz", "keys.gt")
    reader, writer = log_factory.open(), log_factory.open()
    await read_nothing(reader, topic, other)

    waiting = asyncio.create_task(reader.fetch({topic: 0, other: 0}, records_max=10, wait_seconds=LONG))
    await writer.append(other, [b"a"])

    async with asyncio.timeout(LONG / 5):
        [fetched] = await waiting
    assert Fetched(topic=other, entries=(Entry(topic=other, position=0, value=b"a"),)) == fetched


async def read_nothing(reader: Log, *topics: str) -> None:
    """One look at empty topics, so that the reader knows their ends."""
    assert await reader.fetch(dict.fromkeys(topics, 0), records_max=10, wait_seconds=0) == []


async def test_a_fetch_holds_at_most_records_max_and_starves_no_topic(log_factory: Harness) -> None:
    """A long backlog in one topic does not keep the records of another back."""
    [busy, quiet] = await provisioned(log_factory, "keys.bz", "keys.gt")
    log = log_factory.open()
    await log.append(busy, [b"x"] * 100)
    await log.append(quiet, [b"y"])
    positions = {busy: 0, quiet: 0}

    rounds = 0
    while positions[quiet] == 0:
        fetched = await log.fetch(positions, records_max=10, wait_seconds=LONG)
        assert 1 <= sum(len(item.entries) for item in fetched) <= 10
        positions |= {item.topic: item.entries[-1].position + 1 for item in fetched}
        rounds += 1

    assert rounds < 10
    assert positions[quiet] == 1


async def test_a_fetch_answers_with_a_bounded_number_of_bytes(log_factory: Harness) -> None:
    """Whatever records_max says, a reader's memory is safe."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()
    for _ in range(20):
        await log.append(topic, [bytes(VALUE_SIZE_BYTES_MAX)])

    [fetched] = await log.fetch({topic: 0}, records_max=1000, wait_seconds=LONG)

    size = sum(len(entry.value or b"") for entry in fetched.entries)
    assert 0 < size <= FETCH_SIZE_BYTES_MAX + VALUE_SIZE_BYTES_MAX


async def test_a_position_below_the_beginning_is_out_of_range_and_nobody_is_moved(log_factory: Harness) -> None:
    """Retention went past the reader: it is told, and the other topics go on."""
    [topic, other] = await provisioned(log_factory, "keys.bz", "keys.gt")
    log = log_factory.open()
    await log.append(topic, [b"a", b"b", b"c"])
    await log.append(other, [b"z"])
    await log_factory.truncate_before(topic, 2)

    news: dict[str, Fetched] = {}
    async with asyncio.timeout(DEADLINE_SECONDS):
        while set(news) != {topic, other}:
            for item in await log.fetch({topic: 1, other: 0}, records_max=10, wait_seconds=1):
                news[item.topic] = item

    assert Fetched(topic=topic, entries=(), fault=Fault.OUT_OF_RANGE) == news[topic]
    assert values(list(news[other].entries)) == [b"z"]
    assert {topic: Bounds(beginning=2, end=3)} == await log.bounds([topic])
    assert values(await read_all(log, topic, 1, position=2)) == [b"c"]


async def test_a_position_above_the_end_is_out_of_range(log_factory: Harness) -> None:
    """A log that lost its tail does not look like one that is quiet."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()
    await log.append(topic, [b"a"])

    [fetched] = await log.fetch({topic: 7}, records_max=10, wait_seconds=LONG)

    assert Fetched(topic=topic, entries=(), fault=Fault.OUT_OF_RANGE) == fetched


async def test_positions_are_never_used_again_after_the_beginning_moved(log_factory: Harness) -> None:
    """Even when nothing is left of the topic."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()
    await log.append(topic, [b"a", b"b", b"c"])
    await log_factory.truncate_before(topic, 3)

    assert {topic: Bounds(beginning=3, end=3)} == await log.bounds([topic])
    await log.append(topic, [b"d"])
    assert [Entry(topic=topic, position=3, value=b"d")] == await read_all(log, topic, 1, position=3)


async def test_a_topic_that_does_not_exist_takes_nothing_and_is_a_fault_for_readers(log_factory: Harness) -> None:
    """Retriable, as an operator provisions it; nothing makes it on the way."""
    [there] = await provisioned(log_factory, "keys.bz")
    missing = log_factory.topic("keys.gt")
    log = log_factory.open()

    with pytest.raises(TopicMissing) as raised:
        await log.append(missing, [b"a"])
    assert raised.value.retriable
    assert isinstance(raised.value, LogUnavailable)
    fetched = await log.fetch({there: 0, missing: 0}, records_max=10, wait_seconds=LONG)
    assert [Fetched(topic=missing, entries=(), fault=Fault.MISSING)] == fetched
    assert {there: Bounds(beginning=0, end=0)} == await log.bounds([there, missing])
    assert missing not in await log.topics()


async def test_a_topic_provisioned_later_is_read_by_the_same_log_object(log_factory: Harness) -> None:
    """A node that started first goes on by itself."""
    await provisioned(log_factory, "keys.bz")
    late = log_factory.topic("keys.gt")
    log = log_factory.open()
    await log.fetch({late: 0}, records_max=10, wait_seconds=0)

    await provisioned(log_factory, "keys.gt")
    async with asyncio.timeout(DEADLINE_SECONDS):
        await log_factory.open().append(late, [b"a"])
        while (fetched := await log.fetch({late: 0}, records_max=10, wait_seconds=1)) == [] or fetched[0].fault:
            pass
    assert values(list(fetched[0].entries)) == [b"a"]


async def test_a_fault_ends_a_wait_once(log_factory: Harness) -> None:
    """A reader that can do nothing about a fault does not spin, and learns of it still."""
    [topic] = await provisioned(log_factory, "keys.bz")
    missing = log_factory.topic("keys.gt")
    log = log_factory.open()
    positions = {topic: 0, missing: 0}
    fault = Fetched(topic=missing, entries=(), fault=Fault.MISSING)

    assert [fault] == await log.fetch(positions, records_max=10, wait_seconds=LONG)
    started = time.monotonic()
    assert [fault] == await log.fetch(positions, records_max=10, wait_seconds=0.3)
    assert time.monotonic() - started >= 0.25


async def test_a_topic_deleted_under_a_reader_is_missing(log_factory: Harness) -> None:
    """Not the same as quiet."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()
    await log.append(topic, [b"a"])
    await read_all(log, topic, 1)

    await log_factory.delete_topic(topic)

    async with asyncio.timeout(DEADLINE_SECONDS):
        while not (fetched := await log.fetch({topic: 1}, records_max=10, wait_seconds=1)):
            pass
    assert [Fetched(topic=topic, entries=(), fault=Fault.MISSING)] == fetched


async def test_a_foreign_empty_value_and_no_value_come_back_as_they_are(log_factory: Harness) -> None:
    """They are records: they are delivered, and what they are worth is decided elsewhere."""
    [topic] = await provisioned(log_factory, "keys.bz")
    await log_factory.write_foreign(topic, [b"", None, b"\x00\xff"])

    assert values(await read_all(log_factory.open(), topic, 3)) == [b"", None, b"\x00\xff"]


async def test_the_largest_value_fits_and_one_byte_more_is_refused_before_anything_is_written(
    log_factory: Harness,
) -> None:
    """Also when it is not the first of its call."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()

    with pytest.raises(RecordTooLarge) as raised:
        await log.append(topic, [b"small", bytes(VALUE_SIZE_BYTES_MAX + 1)])
    await log.append(topic, [bytes(VALUE_SIZE_BYTES_MAX)])

    assert not raised.value.retriable
    [entry] = await read_all(log, topic, 1)
    assert len(entry.value or b"") == VALUE_SIZE_BYTES_MAX
    assert {topic: Bounds(beginning=0, end=1)} == await log.bounds([topic])


async def test_an_append_of_nothing_is_a_bug(log_factory: Harness) -> None:
    """No caller has a reason for it."""
    [topic] = await provisioned(log_factory, "keys.bz")

    with pytest.raises(ValueError, match="at least one"):
        await log_factory.open().append(topic, [])


async def test_provisioning_twice_changes_nothing_and_keeps_the_records(log_factory: Harness) -> None:
    """Operators run it as often as they like."""
    specs = [spec(log_factory.topic(name)) for name in ("keys.bz", "keys.gt")]
    log = log_factory.open()

    first = await log.provision(specs[:1])
    await log.append(specs[0].topic, [b"a"])
    second = await log.provision(specs)
    third = await log.provision(specs)

    assert [(specs[0].topic,), (specs[1].topic,), ()] == [first.created, second.created, third.created]
    assert [first.changed, second.changed, third.changed] == [(), (), ()]
    assert values(await read_all(log, specs[0].topic, 1)) == [b"a"]
    assert {item.topic for item in specs} <= await log.topics()


async def test_check_names_the_topics_that_are_missing(log_factory: Harness) -> None:
    """And makes none."""
    [topic] = await provisioned(log_factory, "keys.bz")
    missing = log_factory.topic("keys.gt")
    log = log_factory.open()

    drift = [item for item in await log.check([spec(topic), spec(missing)]) if item.setting == "topic"]

    assert [(missing, "present", "missing")] == [(item.topic, item.expected, item.found) for item in drift]
    assert missing not in await log.topics()


async def test_a_cancelled_fetch_leaves_the_log_usable(log_factory: Harness) -> None:
    """The next fetch does not wait for the time of the one before."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()
    await read_nothing(log, topic)
    waiting = asyncio.create_task(log.fetch({topic: 0}, records_max=10, wait_seconds=LONG))
    await asyncio.wait([waiting], timeout=0.05)
    waiting.cancel()
    await asyncio.wait([waiting])

    await log.append(topic, [b"a"])
    async with asyncio.timeout(LONG / 5):
        [fetched] = await log.fetch({topic: 0}, records_max=10, wait_seconds=LONG)
    assert values(list(fetched.entries)) == [b"a"]


async def test_close_ends_a_waiting_fetch_in_time(log_factory: Harness) -> None:
    """A daemon that stops does not wait for news. Closing twice is harmless."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()
    await read_nothing(log, topic)
    waiting = asyncio.create_task(log.fetch({topic: 0}, records_max=10, wait_seconds=LONG))
    await asyncio.wait([waiting], timeout=0.05)

    async with asyncio.timeout(LONG / 5):
        await log.close()
        assert await waiting == []
        await log.close()


async def test_two_processes_append_to_one_topic_and_each_keeps_its_order(log_factory: Harness) -> None:
    """No record lost, none doubled, none overtaken by a later one of the same writer."""
    [topic] = await provisioned(log_factory, "keys.bz")
    writers = [await child("append", log_factory.url, topic, name, "100") for name in ("left", "right")]

    entries = await read_all(log_factory.open(), topic, 200)

    for name, writer in zip(("left", "right"), writers, strict=True):
        await asyncio.wait_for(writer.communicate(), DEADLINE_SECONDS)
        assert writer.returncode == 0
        mine = [value for value in values(entries) if value is not None and value.startswith(name.encode())]
        assert [f"{name}:{number}".encode() for number in range(100)] == mine
    assert {topic: Bounds(beginning=0, end=200)} == await log_factory.open().bounds([topic])


async def test_twelve_processes_append_and_read_and_nobody_misses_anything(log_factory: Harness) -> None:
    """Six write to one topic while six read it; all readers see the same."""
    [topic] = await provisioned(log_factory, "keys.bz")
    names = [f"writer{number}" for number in range(6)]
    readers = [await child("read", log_factory.url, topic, str(6 * 50)) for _ in range(6)]
    writers = [await child("append", log_factory.url, topic, name, "50") for name in names]

    answers = [await asyncio.wait_for(process.communicate(), DEADLINE_SECONDS) for process in writers + readers]

    assert {0} == {process.returncode for process in writers + readers}
    seen = [stdout.decode().split() for stdout, _ in answers[6:]]
    assert seen[1:] == seen[:-1]
    for name in names:
        assert [f"{name}:{number}" for number in range(50)] == [v for v in seen[0] if v.startswith(f"{name}:")]


@pytest.mark.parametrize("acknowledged", [1, 17, 40])
async def test_a_writer_killed_while_it_appends_leaves_a_prefix_with_all_that_was_acknowledged(
    log_factory: Harness, acknowledged: int
) -> None:
    """`kill -9` at no particular moment; others go on writing."""
    [topic] = await provisioned(log_factory, "keys.bz")
    writer = await child("append", log_factory.url, topic, "killed", "100000")
    for _ in range(acknowledged):
        done = int(await line_of(writer))

    writer.kill()
    rest, _ = await asyncio.wait_for(writer.communicate(), DEADLINE_SECONDS)

    done = max([done, *map(int, rest.decode().split("\n")[:-1])])  # the last line may be torn
    log = log_factory.open()
    await log.append(topic, [b"after"])
    entries = await read_all(log, topic, (await log.bounds([topic]))[topic].end)
    survived = values(entries).index(b"after")
    assert done <= survived
    assert values(entries)[:survived] == [f"killed:{number}".encode() for number in range(survived)]
