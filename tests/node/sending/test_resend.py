"""A record that the log acknowledged and did not give back is sent again, with an alarm."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog.testing

from broker.log import Log
from node.sending.resend import FINDING, READ_BACK_MS_MAX, Resender
from node.store import message_search, outbox, stream_findings
from node.store.message_search import Query
from tests.support.exchange import TestNode, exchange


class Forgetful:
    """A hostile broker: while `drop` is set it acknowledges reports and does not keep them."""

    def __init__(self, real: Log) -> None:
        self._real = real
        self.drop = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def append(self, topic: str, values: Sequence[bytes]) -> int:
        if self.drop and topic.startswith("intel."):
            return (await self._real.bounds([topic]))[topic].end + len(values)
        return await self._real.append(topic, values)


def resender(node: TestNode) -> Resender:
    return Resender(
        store=node.store, node=node.code, topic_of=node.relay.topic_of, acknowledged=node.relay.acknowledged
    )


async def findings(node: TestNode) -> list[str]:
    return [finding.code for finding in await node.store.read(stream_findings.standing)]


async def test_a_record_that_the_broker_acknowledged_and_dropped_is_sent_again_with_an_alarm(tmp_path: Path) -> None:
    """After a minute, and not before. The finding stands until the record was read back."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        broker = Forgetful(made.bus)
        bz.relay.bus = broker
        watch = resender(bz)
        broker.drop = True
        await bz.publish()
        broker.drop = False
        await bz.relay.record_acknowledgements()
        await bz.read()
        early = [await watch.look(made.clock.now)]
        made.clock.now += READ_BACK_MS_MAX - 1
        early.append(await watch.look(made.clock.now))
        made.clock.now += 1
        with structlog.testing.capture_logs() as logged:
            late = await watch.look(made.clock.now)
        alarm = await findings(bz)
        await bz.relay.step()
        await bz.read()
        await gt.read()
        await watch.look(made.clock.now)

        assert (early, late, alarm) == ([0, 0], 1, [FINDING])
        assert [event["event"] for event in logged] == ["record_not_read_back"]
        assert len(await gt.store.read(lambda db: message_search.search(db, Query()))) == 1
        assert (await bz.store.read(outbox.counts)).drained
        assert await findings(bz) == []


async def test_a_node_that_is_behind_with_reading_sends_nothing_again(tmp_path: Path) -> None:
    """Each record that is read back starts the minute anew."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        watch = resender(bz)
        for number in range(5):
            await bz.publish(narrative={"text": f"Number {number}", "language": "en"})
        await bz.relay.record_acknowledgements()
        found = []
        for _ in range(5):
            found.append(await watch.look(made.clock.now))
            made.clock.now += READ_BACK_MS_MAX - 1
            await bz.subscriber.step(0)

        assert found == [0] * 5
        assert await findings(bz) == []
