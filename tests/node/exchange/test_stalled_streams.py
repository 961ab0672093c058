"""A stream that stands still although the log has more is a fault; a node that is behind and reads on is not."""

from pathlib import Path

from structlog.testing import capture_logs

from node.exchange.stalled_streams import STALLED_MS_MAX, StalledStreams
from node.outgoing import standing_faults
from node.sending.faults import Faults
from tests.support.exchange import TestNode, exchange

TOPIC = "intel.caribbean.bz"


async def stalled(node: TestNode) -> list[tuple[str, str]]:
    return [(fault.code, fault.subject) for fault in await node.store.read(standing_faults.standing)]


async def test_a_stream_that_stands_still_is_a_fault_until_it_is_read(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        watch = StalledStreams(store=gt.store, bus=gt.bus, faults=Faults(store=gt.store, clock=made.clock))
        topics = gt.subscriber.places
        await bz.publish()
        with capture_logs() as logs:
            await watch.look(topics, made.clock())
            early = await stalled(gt)
            made.clock.now += STALLED_MS_MAX
            for _ in range(2):
                await watch.look(topics, made.clock())
            late = await stalled(gt)
            await gt.read()
            await watch.look(topics, made.clock())

        assert early == []
        assert late == [("stream_stalled", TOPIC), ("stream_stalled", "keys.bz")]
        assert await stalled(gt) == []
        assert [entry["topic"] for entry in logs if entry["event"] == "stream_stalled"] == [TOPIC, "keys.bz"]


async def test_a_node_that_is_behind_and_reads_is_not_stalled(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        watch = StalledStreams(store=gt.store, bus=gt.bus, faults=Faults(store=gt.store, clock=made.clock))
        for number in range(3):
            await bz.publish(narrative={"text": f"Report {number}.", "language": "en"})
            await gt.read()
            await bz.publish(narrative={"text": f"Other {number}.", "language": "en"})
            made.clock.now += STALLED_MS_MAX
            await watch.look(gt.subscriber.places, made.clock())

        assert await stalled(gt) == []


async def test_a_topic_whose_records_were_all_removed_is_not_stalled(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        gt = made.nodes["GT"]
        watch = StalledStreams(store=gt.store, bus=gt.bus, faults=Faults(store=gt.store, clock=made.clock))
        await made.bus.append(TOPIC, [b"one"])
        await made.bus.truncate_before(TOPIC, 1)  # type: ignore[attr-defined]
        for _ in range(2):
            await watch.look(gt.subscriber.places, made.clock())
            made.clock.now += STALLED_MS_MAX

        assert await stalled(gt) == []
