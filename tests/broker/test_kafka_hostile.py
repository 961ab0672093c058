"""What a foreign client, an operator or a hostile broker can do to topics of a real Kafka, and how a node reacts.

The nodes run in this process, and the tests call their steps. Nothing of the log is replaced.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from broker.bus import open_log
from broker.kafka.client import Address
from broker.kafka.log import KafkaLog
from broker.log import VALUE_SIZE_BYTES_MAX, LogUnavailable, TopicSpec
from node.store import counters, message_search, read_positions, stream_findings
from node.store.message_search import Query
from node.undecided import quarantine
from tests.support import clusters, stranger
from tests.support.community import Community
from tests.support.exchange import Exchange, TestNode, exchange


def community_of(*codes: str) -> Community:
    """Each member may send everything to each other member."""
    made = Community(codes)
    made.agreement("ALL", codes)
    return made


REPORTS = "intel.caribbean.bz"


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Exchange]:
    """BZ and GT on the shared cluster, without topics of other tests."""
    url = f"kafka://{clusters.bootstrap()}"
    await stranger.delete_all(clusters.bootstrap())
    logs = [open_log(url, tmp_path) for _ in range(2)]
    async with (
        exchange(tmp_path, "BZ", bus=logs[0], community=community_of("BZ", "GT")) as both,
        AsyncExitStack() as stack,
    ):
        gt = await both.add(stack, "GT", bus=logs[1])
        yield both
        await gt.bus.close()


@asynccontextmanager
async def down(made: Exchange, code: str) -> AsyncIterator[None]:
    """A node is down during the block. It restarts with a new client, so it has fetched nothing ahead."""
    node = made.nodes[code]
    await node.bus.close()
    yield
    node.bus = node.subscriber.bus = open_log(f"kafka://{clusters.bootstrap()}", Path())
    await node.subscriber.start()


async def held(node: TestNode) -> list[int]:
    """The sequences of the reports of BZ that a node holds."""
    return sorted(
        held.sequence
        for held in await node.store.read(lambda db: message_search.search(db, Query(originators=("BZ",))))
    )


async def holds(node: TestNode, *sequences: int) -> None:
    """Read until `node` holds exactly these."""

    async def reached() -> bool:
        return await held(node) == list(sequences)

    await node.read_until(reached)


async def findings(node: TestNode) -> list[tuple[str, int | None, int | None]]:
    """Code, sequence and position of the open findings."""
    return [(found.code, found.sequence, found.position) for found in await node.store.read(stream_findings.standing)]


async def refused(node: TestNode) -> list[tuple[str, int]]:
    """Code and position of the records in quarantine."""
    return sorted((entry.code, entry.position) for entry in await node.store.read(quarantine.entries))


async def position(node: TestNode, topic: str = REPORTS) -> int:
    """The next position of a node in a topic."""
    return await node.store.read(lambda db: read_positions.next_positions(db).get(topic, 0))


async def publish(node: TestNode, *words: str) -> None:
    """Publish one report for each word."""
    for word in words:
        await node.publish(narrative={"text": word, "language": "en"})


async def values_of(topic: str) -> list[bytes]:
    """All values of a topic, as an auditor would fetch them."""
    log = open_log(f"kafka://{clusters.bootstrap()}", Path())
    try:
        end = (await log.bounds([topic]))[topic].end
        values: list[bytes] = []
        async with asyncio.timeout(60):
            while len(values) < end:
                for fetched in await log.fetch({topic: len(values)}, records_max=1000, wait_seconds=1):
                    values += [entry.value or b"" for entry in fetched.entries]
    finally:
        await log.close()
    return values


async def test_a_beginning_that_moved_past_a_node_is_a_finding_and_the_gap_stays(made: Exchange) -> None:
    """The node continues at the beginning and never jumps to the end. The lost records keep their finding."""
    bz, gt = made.nodes["BZ"], made.nodes["GT"]
    await publish(bz, "one")
    await holds(gt, 1)
    async with down(made, "GT"):
        await publish(bz, "two", "three", "four")
        await stranger.truncate_before(clusters.bootstrap(), REPORTS, 3)

    await holds(gt, 1, 4)

    assert {("head_truncated", 2, 3), ("chain_gap", 2, 3)} == set(await findings(gt))
    await publish(bz, "five")
    await holds(gt, 1, 4, 5)
    assert len(await findings(gt)) == 2


async def test_a_topic_that_was_deleted_and_created_again_with_more_records_is_found_by_the_chain(
    made: Exchange,
) -> None:
    """Kafka reports no error, because the node's position exists in the new topic too."""
    bz, gt = made.nodes["BZ"], made.nodes["GT"]
    await publish(bz, "one", "two", "three")
    await holds(gt, 1, 2, 3)
    async with down(made, "GT"):
        await publish(bz, "four", "five", "six")
        values = await values_of(REPORTS)
        await stranger.delete(clusters.bootstrap(), REPORTS)
        await stranger.create(clusters.bootstrap(), REPORTS)
        await stranger.write(clusters.bootstrap(), REPORTS, [*values[:3], values[4], values[5]])

    await holds(gt, 1, 2, 3, 5, 6)

    assert [finding[:2] for finding in await findings(gt)] == [("chain_gap", 4)]


async def test_foreign_values_go_into_quarantine_and_the_stream_continues(made: Exchange) -> None:
    """An empty value, a missing one, foreign bytes, the largest value. Kafka refuses a value above its limit."""
    bz, gt = made.nodes["BZ"], made.nodes["GT"]
    address = clusters.bootstrap()
    await stranger.write(address, REPORTS, [b"", None, b"\x00\xffforeign", bytes(VALUE_SIZE_BYTES_MAX)])
    with pytest.raises(Exception, match="MessageSizeTooLarge"):
        await stranger.write(address, REPORTS, [bytes(VALUE_SIZE_BYTES_MAX + 1024)])
    await publish(bz, "one")

    await holds(gt, 1)

    assert await refused(gt) == [
        ("framing_invalid", 0),
        ("framing_invalid", 2),
        ("record_too_large", 3),
    ]
    assert (
        await gt.store.read(lambda db: counters.counts(db).duplicate) == 1
    )  # a missing value counts as an empty one, which came before
    assert await findings(gt) == []
    assert await position(gt) == 5


async def test_a_compressed_batch_stops_its_own_partition_and_no_other(made: Exchange) -> None:
    """Nothing is expanded. Records before it arrive, the position stays, and a restart changes nothing."""
    bz, gt = made.nodes["BZ"], made.nodes["GT"]
    address, topic = clusters.bootstrap(), "intel.europe.es"
    await stranger.delete(address, topic)
    await stranger.create(address, topic)
    await stranger.write(address, topic, [b"before"])
    await stranger.write(address, topic, [b"after, " * 100], compression_type="gzip")
    await publish(bz, "one")

    async def reported() -> bool:
        return any(code == "transport_corrupt" for code, _, _ in await findings(gt))

    await gt.read_until(reported)
    await holds(gt, 1)

    assert await findings(gt) == [("transport_corrupt", None, 1)]
    assert await refused(gt) == [("framing_invalid", 0)]
    assert await position(gt, topic) == 1
    await gt.subscriber.start()
    await publish(bz, "two")
    await holds(gt, 1, 2)
    assert await findings(gt) == [("transport_corrupt", None, 1)]


async def test_a_producer_whose_sequence_numbers_became_wrong_is_replaced() -> None:
    """This happens if the topic is deleted and created again. The producer never recovers; a new one works."""
    address, topic = clusters.bootstrap(), "keys.producer-died"
    log = KafkaLog(Address(bootstrap=address))
    spec = TopicSpec(topic=topic, replication=1, retention_days=1)
    try:
        await log.provision([spec])
        for number in range(3):
            await log.append(topic, [f"before {number}".encode()])
        await stranger.delete(address, topic)
        await log.provision([spec])
        async with asyncio.timeout(60):
            while True:
                try:
                    await log.append(topic, [b"after"])
                    break
                except LogUnavailable:
                    continue
        await log.append(topic, [b"and again"])
    finally:
        await log.close()

    values = await values_of(topic)
    assert values[-1] == b"and again"
    assert set(values) == {b"after", b"and again"}


async def test_positions_of_transactions_do_not_keep_a_node_from_its_end(made: Exchange) -> None:
    """Kafka itself writes a record at the end of a transaction, which no client delivers: it is a finding, once."""
    bz, gt = made.nodes["BZ"], made.nodes["GT"]
    await stranger.write_transaction(clusters.bootstrap(), REPORTS, [b"foreign"])
    end = 2  # after the record, and the one of Kafka itself

    async def at_the_end() -> bool:
        return await position(gt) == end

    await gt.read_until(at_the_end)
    assert (await gt.bus.bounds([REPORTS]))[REPORTS].end == end
    await publish(bz, "one")
    await holds(gt, 1)

    assert await findings(gt) == [("transport_malformed", None, end)]
    assert await refused(gt) == [("framing_invalid", 0)]


async def test_of_a_record_above_the_limit_only_the_beginning_is_kept(made: Exchange) -> None:
    """A foreign setting of a topic allows eight times the size. Null keys, keys and headers do not matter."""
    bz, gt = made.nodes["BZ"], made.nodes["GT"]
    address = clusters.bootstrap()
    await gt.bus.close()
    await stranger.delete(address, REPORTS)
    await stranger.create(address, REPORTS, max_message_bytes=str(8 * 1024 * 1024))
    gt.bus = gt.subscriber.bus = open_log(f"kafka://{address}", Path())
    await stranger.write(address, REPORTS, [bytes(6 * 1024 * 1024)])
    await stranger.write_with_headers(address, REPORTS, b"key", [("name", b"value"), ("name", b"")] * 100)
    await publish(bz, "one")

    await holds(gt, 1)

    assert await refused(gt) == [("framing_invalid", 1), ("record_too_large", 0)]
    [large] = [entry for entry in await gt.store.read(quarantine.entries) if entry.code == "record_too_large"]
    [kept] = await gt.store.read(lambda db: quarantine.records(db, [large.id]))
    assert len(kept.record.value) == VALUE_SIZE_BYTES_MAX + 1
