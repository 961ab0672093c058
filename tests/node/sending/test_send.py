"""A topic that refuses records stops its own stream, and no other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from broker.log import Log, LogStuck, LogUnavailable, RecordTooLarge
from node.outgoing import standing_faults
from node.sending.send import REST_MS
from node.store import message_search, outbox
from node.store.message_search import Query
from node.store.outbox import OutboxCounts
from tests.support.community import STREAMS, Community
from tests.support.exchange import TestNode, exchange


@dataclass
class RefusingLog:
    """A log that refuses appends to some topics."""

    real: Log
    refused: dict[str, Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    async def append(self, topic: str, values: Sequence[bytes]) -> int:
        """Refuse, or write."""
        self.asked.append(topic)
        if topic in self.refused:
            raise self.refused[topic]
        return await self.real.append(topic, values)

    async def bounds(self, topics: Sequence[str]) -> object:
        """Whether the log as a whole answers."""
        if self.away:
            raise LogUnavailable("away")
        return await self.real.bounds(topics)


def refusing(node: TestNode, **refused: Exception) -> RefusingLog:
    """Let the log of a node refuse topics: `caribbean` is `intel.caribbean.es`, and others by their stream."""
    topics = {"caribbean": "intel.caribbean.es", "europe": "intel.europe.es", "keys": "keys.es"}
    log = RefusingLog(node.relay.bus, {topics[name]: error for name, error in refused.items()})
    node.relay.bus = log  # type: ignore[assignment]
    return log


async def held(node: TestNode) -> list[str]:
    await node.read()
    return sorted(message.stream for message in await node.store.read(lambda db: message_search.search(db, Query())))


async def accept(node: TestNode, text: str = "One.") -> None:
    """One report for each region."""
    narrative = {"text": text, "language": "en"}
    await node.accept([node.draft(region=region, narrative=narrative) for region in ("caribbean", "europe")])


async def faults(node: TestNode) -> list[tuple[str, str]]:
    return [(fault.code, fault.subject) for fault in await node.store.read(standing_faults.standing)]


async def test_the_other_streams_go_on_and_the_refused_one_follows_later(tmp_path: Path) -> None:
    """The refusal stands as a fault until the log takes the records."""
    async with exchange(tmp_path, "ES", "GT") as made:
        es, gt = made.nodes["ES"], made.nodes["GT"]
        log = refusing(es, caribbean=RecordTooLarge("too large"))
        with capture_logs() as logs:
            for text in ("One.", "Two."):
                await accept(es, text)
                await es.relay.step()
        blocked, left = await held(gt), await es.store.read(outbox.counts)
        noted = await faults(es)
        log.refused.clear()
        made.clock.now += REST_MS[0]
        await es.relay.step()

        assert blocked == ["intel.europe", "intel.europe"]
        assert left.accepted == 1
        assert noted == [("stream_blocked", "intel.caribbean.es")]
        assert [entry["event"] for entry in logs] == ["stream_blocked"]
        assert await held(gt) == ["intel.caribbean", "intel.caribbean", "intel.europe", "intel.europe"]
        assert await faults(es) == []
        assert es.relay.wait_seconds() is not None


async def test_a_missing_topic_is_tried_again_more_and_more_rarely(tmp_path: Path) -> None:
    async with exchange(tmp_path, "ES", "GT") as made:
        es = made.nodes["ES"]
        await made.bus.delete_topic("intel.caribbean.es")  # type: ignore[attr-defined]
        log = refusing(es)
        await accept(es)
        for _ in range(4):
            await es.relay.step()
            made.clock.now += REST_MS[0]

        assert log.asked.count("intel.caribbean.es") == 3  # at 0, 1 and 3 seconds
        assert await faults(es) == [("stream_blocked", "intel.caribbean.es")]


async def test_a_refusal_that_passes_at_once_is_not_noted(tmp_path: Path) -> None:
    async with exchange(tmp_path, "ES", "GT") as made:
        es = made.nodes["ES"]
        log = refusing(es, caribbean=LogUnavailable("busy"))
        await accept(es)
        await es.relay.step()
        first = await faults(es)
        log.refused.clear()
        made.clock.now += REST_MS[0]
        await es.relay.step()

        assert first == []
        assert await held(made.nodes["GT"]) == ["intel.caribbean", "intel.europe"]


async def test_reports_wait_for_the_stream_of_their_grants(tmp_path: Path) -> None:
    """Nobody could open them."""
    async with exchange(tmp_path, "ES", "GT") as made:
        es, gt = made.nodes["ES"], made.nodes["GT"]
        log = refusing(es, keys=RecordTooLarge("too large"))
        await accept(es)
        await es.relay.step()
        asked = list(log.asked)
        log.refused.clear()
        made.clock.now += REST_MS[0]
        await es.relay.step()

        assert asked == ["keys.es"]
        assert await held(gt) == ["intel.caribbean", "intel.europe"]


async def test_a_log_that_is_away_blocks_no_stream(tmp_path: Path) -> None:
    async with exchange(tmp_path, "ES", "GT") as made:
        es = made.nodes["ES"]
        await accept(es)
        await es.relay.seal(await es.relay.look())
        away = LogUnavailable("away")
        log = refusing(es, caribbean=away, europe=away, keys=away)
        log.away = True
        with pytest.raises(LogUnavailable):
            await es.relay.step()

        assert await faults(es) == []


async def test_a_log_that_is_stuck_asks_for_a_new_process(tmp_path: Path) -> None:
    async with exchange(tmp_path, "ES", "GT") as made:
        es = made.nodes["ES"]
        refusing(es, caribbean=LogStuck("stuck"))
        await accept(es)
        with pytest.raises(LogStuck):
            await es.relay.step()


async def test_a_stream_that_the_node_document_does_not_list_stops_no_other(tmp_path: Path) -> None:
    """The document was changed after the report was accepted. A new document lets it go on."""
    community = Community(("GT",))
    community.node("ES", [stream for stream in STREAMS if stream != "intel.caribbean"])
    community.agreement("ALL", ("ES", "GT"))
    async with exchange(tmp_path, "ES", "GT", community=community) as made:
        es, gt = made.nodes["ES"], made.nodes["GT"]
        await accept(es)
        with capture_logs() as logs:
            await es.relay.step()
            made.clock.now += REST_MS[0]
            await es.relay.step()

        assert await held(gt) == ["intel.europe"]
        assert await faults(es) == [("sealing_refused", "intel.caribbean.es")]
        assert [entry["event"] for entry in logs] == ["stream_not_listed"]
        assert await es.store.read(outbox.counts) == OutboxCounts(accepted=1, sealed=0, sent=2)
