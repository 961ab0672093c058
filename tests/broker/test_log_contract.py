"""The rules of the port `broker.log`, checked for each implementation in `tests.support.logs`."""

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
    """A separate bus for each test and each implementation."""
    async with IMPLEMENTATIONS[request.param](tmp_path) as harness:
        yield harness


async def provisioned(harness: Harness, *names: str) -> list[str]:
    """Create topics; return their names."""
    topics = [harness.topic(name) for name in names]
    await harness.open().provision([spec(topic) for topic in topics])
    return topics


def values(entries: list[Entry]) -> list[bytes | None]:
    """The values of entries."""
    return [entry.value for entry in entries]


async def test_appended_values_are_read_in_their_order_at_increasing_positions(log_factory: Harness) -> None:
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


async def test_a_fetch_without_new_records_returns_nothing_when_its_wait_ends(log_factory: Harness) -> None:
    """An empty list, not an error."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()

    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await log.fetch({topic: 0}, records_max=10, wait_seconds=0.05) == []


async def test_a_waiting_fetch_wakes_when_another_log_object_appends(log_factory: Harness) -> None:
    """It does not wait any longer when a record exists."""
    [topic, other] = await provisioned(log_factory, "keys.bz", "keys.gt")
    reader, writer = log_factory.open(), log_factory.open()
    await read_nothing(reader, topic, other)

    waiting = asyncio.create_task(reader.fetch({topic: 0, other: 0}, records_max=10, wait_seconds=LONG))
    await writer.append(other, [b"a"])

    async with asyncio.timeout(LONG / 5):
        [fetched] = await waiting
    assert Fetched(topic=other, entries=(Entry(topic=other, position=0, value=b"a"),)) == fetched


async def read_nothing(reader: Log, *topics: str) -> None:
    """Fetch from empty topics once, so that the reader knows their ends."""
    assert await reader.fetch(dict.fromkeys(topics, 0), records_max=10, wait_seconds=0) == []


async def test_a_fetch_returns_at_most_records_max_and_starves_no_topic(log_factory: Harness) -> None:
    """A long backlog in one topic does not delay the records of another."""
    [busy, quiet] = await provisioned(log_factory, "keys.bz", "keys.gt")
    log = log_factory.open()
    await log.append(busy, [b"x"] * 100)
    await log.append(quiet, [b"y"])
    positions = {busy: 0, quiet: 0}

    rounds = 0
    while positions[quiet] == 0:
        fetched = await log.fetch(positions, records_max=10, wait_seconds=LONG)
        assert 1 <= sum(len(answer.entries) for answer in fetched) <= 10
        positions |= {answer.topic: answer.entries[-1].position + 1 for answer in fetched}
        rounds += 1

    assert rounds < 10
    assert positions[quiet] == 1


async def test_a_fetch_returns_a_limited_number_of_bytes(log_factory: Harness) -> None:
    """The limit protects the memory of a reader, for any records_max."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()
    for _ in range(20):
        await log.append(topic, [bytes(VALUE_SIZE_BYTES_MAX)])

    [fetched] = await log.fetch({topic: 0}, records_max=1000, wait_seconds=LONG)

    size = sum(len(entry.value or b"") for entry in fetched.entries)
    assert 0 < size <= FETCH_SIZE_BYTES_MAX + VALUE_SIZE_BYTES_MAX


async def test_a_position_below_the_beginning_is_out_of_range_and_the_reader_is_not_moved(log_factory: Harness) -> None:
    """Retention has removed the record: the reader gets a fault, and other topics continue."""
    [topic, other] = await provisioned(log_factory, "keys.bz", "keys.gt")
    log = log_factory.open()
    await log.append(topic, [b"a", b"b", b"c"])
    await log.append(other, [b"z"])
    await log_factory.truncate_before(topic, 2)

    answers: dict[str, Fetched] = {}
    async with asyncio.timeout(DEADLINE_SECONDS):
        while set(answers) != {topic, other}:
            for answer in await log.fetch({topic: 1, other: 0}, records_max=10, wait_seconds=1):
                answers[answer.topic] = answer

    assert Fetched(topic=topic, entries=(), fault=Fault.OUT_OF_RANGE) == answers[topic]
    assert values(list(answers[other].entries)) == [b"z"]
    assert {topic: Bounds(beginning=2, end=3)} == await log.bounds([topic])
    assert values(await read_all(log, topic, 1, position=2)) == [b"c"]


async def test_a_position_above_the_end_is_out_of_range(log_factory: Harness) -> None:
    """A log that lost its newest records does not look like a log without new ones."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()
    await log.append(topic, [b"a"])

    [fetched] = await log.fetch({topic: 7}, records_max=10, wait_seconds=LONG)

    assert Fetched(topic=topic, entries=(), fault=Fault.OUT_OF_RANGE) == fetched


async def test_positions_are_never_reused_after_the_beginning_moved(log_factory: Harness) -> None:
    """Even if the topic has no records left."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()
    await log.append(topic, [b"a", b"b", b"c"])
    await log_factory.truncate_before(topic, 3)

    assert {topic: Bounds(beginning=3, end=3)} == await log.bounds([topic])
    await log.append(topic, [b"d"])
    assert [Entry(topic=topic, position=3, value=b"d")] == await read_all(log, topic, 1, position=3)


async def test_a_missing_topic_accepts_nothing_and_is_a_fault_for_readers(log_factory: Harness) -> None:
    """The error is retriable, because an operator can provision the topic. No call creates it implicitly."""
    [existing] = await provisioned(log_factory, "keys.bz")
    missing = log_factory.topic("keys.gt")
    log = log_factory.open()

    with pytest.raises(TopicMissing) as raised:
        await log.append(missing, [b"a"])
    assert raised.value.retriable
    assert isinstance(raised.value, LogUnavailable)
    fetched = await log.fetch({existing: 0, missing: 0}, records_max=10, wait_seconds=LONG)
    assert [Fetched(topic=missing, entries=(), fault=Fault.MISSING)] == fetched
    assert {existing: Bounds(beginning=0, end=0)} == await log.bounds([existing, missing])
    assert missing not in await log.topics()


async def test_a_topic_provisioned_later_is_read_by_the_same_log_object(log_factory: Harness) -> None:
    """A node that started before the topic existed needs no restart."""
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


async def test_a_fault_ends_a_wait_only_once(log_factory: Harness) -> None:
    """Later answers still contain the fault, but only after the full wait, so that the reader does not poll."""
    [topic] = await provisioned(log_factory, "keys.bz")
    missing = log_factory.topic("keys.gt")
    log = log_factory.open()
    positions = {topic: 0, missing: 0}
    fault = Fetched(topic=missing, entries=(), fault=Fault.MISSING)

    assert [fault] == await log.fetch(positions, records_max=10, wait_seconds=LONG)
    started = time.monotonic()
    assert [fault] == await log.fetch(positions, records_max=10, wait_seconds=0.3)
    assert time.monotonic() - started >= 0.25


async def test_a_topic_that_is_deleted_while_it_is_read_is_missing(log_factory: Harness) -> None:
    """It does not look like a topic without new records."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()
    await log.append(topic, [b"a"])
    await read_all(log, topic, 1)

    await log_factory.delete_topic(topic)

    async with asyncio.timeout(DEADLINE_SECONDS):
        while not (fetched := await log.fetch({topic: 1}, records_max=10, wait_seconds=1)):
            pass
    assert [Fetched(topic=topic, entries=(), fault=Fault.MISSING)] == fetched


async def test_foreign_empty_and_missing_values_are_delivered_unchanged(log_factory: Harness) -> None:
    """They are records. Verification decides about them, not the log."""
    [topic] = await provisioned(log_factory, "keys.bz")
    await log_factory.write_foreign(topic, [b"", None, b"\x00\xff"])

    assert values(await read_all(log_factory.open(), topic, 3)) == [b"", None, b"\x00\xff"]


async def test_the_largest_value_fits_and_one_byte_more_is_refused_before_anything_is_written(
    log_factory: Harness,
) -> None:
    """Also if it is not the first value of its call."""
    [topic] = await provisioned(log_factory, "keys.bz")
    log = log_factory.open()

    with pytest.raises(RecordTooLarge) as raised:
        await log.append(topic, [b"small", bytes(VALUE_SIZE_BYTES_MAX + 1)])
    await log.append(topic, [bytes(VALUE_SIZE_BYTES_MAX)])

    assert not raised.value.retriable
    [entry] = await read_all(log, topic, 1)
    assert len(entry.value or b"") == VALUE_SIZE_BYTES_MAX
    assert {topic: Bounds(beginning=0, end=1)} == await log.bounds([topic])


async def test_an_append_without_values_is_a_bug(log_factory: Harness) -> None:
    """No caller needs it."""
    [topic] = await provisioned(log_factory, "keys.bz")

    with pytest.raises(ValueError, match="at least one"):
        await log_factory.open().append(topic, [])


async def test_provisioning_twice_changes_nothing_and_keeps_the_records(log_factory: Harness) -> None:
    """Operators may run it at any time."""
    specs = [spec(log_factory.topic(name)) for name in ("keys.bz", "keys.gt")]
    log = log_factory.open()

    first = await log.provision(specs[:1])
    await log.append(specs[0].topic, [b"a"])
    second = await log.provision(specs)
    third = await log.provision(specs)

    assert [(specs[0].topic,), (specs[1].topic,), ()] == [first.created, second.created, third.created]
    assert [first.changed, second.changed, third.changed] == [(), (), ()]
    assert values(await read_all(log, specs[0].topic, 1)) == [b"a"]
    assert {wanted.topic for wanted in specs} <= await log.topics()


async def test_check_names_the_topics_that_are_missing(log_factory: Harness) -> None:
    """It does not create any of them."""
    [topic] = await provisioned(log_factory, "keys.bz")
    missing = log_factory.topic("keys.gt")
    log = log_factory.open()

    differences = await log.check([spec(topic), spec(missing)])

    absent = [drift for drift in differences if drift.setting == "topic"]
    assert [(missing, "present", "missing")] == [(drift.topic, drift.expected, drift.found) for drift in absent]
    assert missing not in await log.topics()


async def test_a_cancelled_fetch_leaves_the_log_usable(log_factory: Harness) -> None:
    """The next fetch does not wait for the cancelled one."""
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
    """A daemon that stops does not wait for new records. A second close does nothing."""
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
    """No record is lost or duplicated, and the records of one writer keep their order."""
    [topic] = await provisioned(log_factory, "keys.bz")
    writers = [await child("append", log_factory.url, topic, name, "100") for name in ("left", "right")]

    entries = await read_all(log_factory.open(), topic, 200)

    for name, writer in zip(("left", "right"), writers, strict=True):
        await asyncio.wait_for(writer.communicate(), DEADLINE_SECONDS)
        assert writer.returncode == 0
        mine = [value for value in values(entries) if value is not None and value.startswith(name.encode())]
        assert [f"{name}:{number}".encode() for number in range(100)] == mine
    assert {topic: Bounds(beginning=0, end=200)} == await log_factory.open().bounds([topic])


async def test_six_processes_append_while_six_read_and_no_record_is_lost(log_factory: Harness) -> None:
    """All readers get the same records in the same order."""
    [topic] = await provisioned(log_factory, "keys.bz")
    names = [f"writer{number}" for number in range(6)]
    readers = [await child("read", log_factory.url, topic, str(6 * 50)) for _ in range(6)]
    writers = [await child("append", log_factory.url, topic, name, "50") for name in names]

    answers = [await asyncio.wait_for(process.communicate(), DEADLINE_SECONDS) for process in writers + readers]

    assert {0} == {process.returncode for process in writers + readers}
    seen = [stdout.decode().split() for stdout, _ in answers[6:]]
    assert seen[1:] == seen[:-1]
    for name in names:
        assert [f"{name}:{number}" for number in range(50)] == [
            value for value in seen[0] if value.startswith(f"{name}:")
        ]


@pytest.mark.parametrize("acknowledged", [1, 17, 40])
async def test_a_writer_killed_while_it_appends_leaves_all_acknowledged_records_in_order(
    log_factory: Harness, acknowledged: int
) -> None:
    """`kill -9` at an arbitrary moment; other writers continue."""
    [topic] = await provisioned(log_factory, "keys.bz")
    writer = await child("append", log_factory.url, topic, "killed", "100000")
    for _ in range(acknowledged):
        done = int(await line_of(writer))

    writer.kill()
    rest, _ = await asyncio.wait_for(writer.communicate(), DEADLINE_SECONDS)

    done = max([done, *map(int, rest.decode().split("\n")[:-1])])  # the last line may be incomplete
    log = log_factory.open()
    await log.append(topic, [b"after"])
    entries = await read_all(log, topic, (await log.bounds([topic]))[topic].end)
    survived = values(entries).index(b"after")
    assert done <= survived
    assert values(entries)[:survived] == [f"killed:{number}".encode() for number in range(survived)]
