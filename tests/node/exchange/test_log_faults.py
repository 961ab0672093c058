"""What the log says wrongly about one topic is one finding about its stream, and the other streams are read."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broker import topology as topologies
from broker.embedded.log import EmbeddedLog
from broker.log import Entry, Fault, Fetched
from node.exchange.log_faults import LogFaults
from node.store import read_positions, stream_findings
from tests.support.bed import GRANTS, REPORTS, Bed, bed
from tests.support.exchange import TOPOLOGY

WRONG: dict[str, str] = {
    "a position of 2^63 - 1": "INSERT INTO record (topic, position, value, appended_at) "
    f"VALUES ('{REPORTS}', 9223372036854775807, x'00', 0)",
    "a position that is a text": "INSERT INTO record (topic, position, value, appended_at) "
    f"VALUES ('{REPORTS}', 'zz', x'00', 0)",
    "a position between two others": "INSERT INTO record (topic, position, value, appended_at) "
    f"VALUES ('{REPORTS}', 0.5, x'00', 0)",
    "a beginning that is a text": f"UPDATE topic SET beginning = 'x' WHERE name = '{REPORTS}'",
}


def change(folder: Path, statement: str) -> None:
    """Change the file of the log."""
    with closing(sqlite3.connect(folder / "log.db")) as connection:
        connection.execute(statement)
        connection.commit()


async def standing(scene: Bed) -> list[tuple[str, str, str]]:
    """Code, originator and stream of each finding."""
    found = await scene.gt.store.read(stream_findings.standing)
    return [(finding.code, finding.originator, finding.stream) for finding in found]


@pytest.mark.parametrize("name", WRONG)
async def test_what_cannot_be_a_record_is_one_finding_and_the_records_are_stored(name: str, tmp_path: Path) -> None:
    """Also after a restart, and the originator goes on in the same stream."""
    async with bed(tmp_path) as scene:
        await scene.send(scene.bz.message(scene.key), scene.bz.message(scene.key))
        change(tmp_path, WRONG[name])
        await scene.gt.read()
        await scene.read(scene.bz.message(scene.key))
        await scene.restart()
        await scene.read(scene.bz.message(scene.key))

        assert await scene.held() == [1, 2, 3, 4]
        assert await standing(scene) == [("transport_malformed", "BZ", "intel.caribbean")]


async def test_positions_without_a_record_are_passed_over_with_a_finding(tmp_path: Path) -> None:
    """As those that Kafka writes for transactions; otherwise the node would never have read everything."""
    async with bed(tmp_path) as scene:
        await scene.read(scene.bz.message(scene.key))
        faults = LogFaults(scene.gt.store, scene.gt.subscriber.places, scene.gt.clock, lambda: "GT")
        positions = {REPORTS: 1, GRANTS: 1}
        passed = Fetched(topic=REPORTS, entries=(), after=7)
        await faults.settle(scene.made.bus, [passed], positions, {REPORTS})
        await faults.settle(scene.made.bus, [passed], positions, {REPORTS})
        stored = await scene.gt.store.read(read_positions.readings)

        assert positions == {REPORTS: 7, GRANTS: 1}
        assert {reading.topic: (reading.position, reading.highest) for reading in stored}[REPORTS] == (7, 1)
        assert await standing(scene) == [("transport_malformed", "BZ", "intel.caribbean")]


async def test_a_record_and_the_positions_behind_it_are_stored_together(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        value = scene.bz.message(scene.key)
        await scene.gt.read()
        bus = scene.gt.subscriber.bus
        answers = [[Fetched(topic=REPORTS, entries=(Entry(topic=REPORTS, position=0, value=value),), after=3)], []]

        class Answering:
            async def fetch(self, *_: object, **__: object) -> list[Fetched]:
                return answers.pop(0)

        scene.gt.subscriber.bus = Answering()  # type: ignore[assignment]
        await scene.gt.read()
        scene.gt.subscriber.bus = bus

        assert await scene.held() == [1]
        assert (await scene.gt.store.read(read_positions.next_positions))[REPORTS] == 3
        assert await standing(scene) == [("transport_malformed", "BZ", "intel.caribbean")]


async def test_a_topic_whose_rows_cannot_be_read_stays_where_it_is_and_the_others_go_on(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await scene.read(scene.bz.message(scene.key))
        faults = LogFaults(scene.gt.store, scene.gt.subscriber.places, scene.gt.clock, lambda: "GT")
        positions = {REPORTS: 1}
        corrupt = [Fetched(topic=REPORTS, entries=(), fault=Fault.CORRUPT)]
        await faults.settle(scene.made.bus, corrupt, positions, {REPORTS})
        await faults.settle(scene.made.bus, corrupt, positions, {REPORTS})

        assert positions == {REPORTS: 1}
        assert await standing(scene) == [("transport_corrupt", "BZ", "intel.caribbean")]


async def test_a_corrupt_record_that_can_be_read_again_ends_its_finding(tmp_path: Path) -> None:
    """Also when the node was restarted meanwhile."""
    async with bed(tmp_path) as scene:
        await scene.read(scene.bz.message(scene.key))
        faults = LogFaults(scene.gt.store, scene.gt.subscriber.places, scene.gt.clock, lambda: "GT")
        corrupt = [Fetched(topic=REPORTS, entries=(), fault=Fault.CORRUPT)]
        await faults.settle(scene.made.bus, corrupt, {REPORTS: 1}, {REPORTS})
        noted = await standing(scene)
        await scene.restart()
        await scene.gt.read()
        still = await standing(scene)
        await scene.read(scene.bz.message(scene.key))

        assert noted == still == [("transport_corrupt", "BZ", "intel.caribbean")]
        assert await standing(scene) == []


@pytest.mark.parametrize(("lost", "left"), [(0, []), (1, ["chain_gap", "head_truncated"])])
async def test_a_topic_that_begins_later_is_a_finding_while_records_are_missing(
    tmp_path: Path, lost: int, left: list[str]
) -> None:
    """If the next record follows what was read, nothing was lost."""
    async with bed(tmp_path) as scene:
        await scene.read(scene.bz.message(scene.key), scene.bz.message(scene.key))
        assert isinstance(scene.made.bus, EmbeddedLog)
        await scene.made.bus.delete_topic(REPORTS)
        await scene.made.bus.provision(topologies.specs_of(TOPOLOGY))
        await scene.gt.read()
        noted = await standing(scene)
        for _ in range(lost):
            scene.bz.message(scene.key)
        await scene.read(scene.bz.message(scene.key))
        await scene.read(scene.bz.message(scene.key))

        assert [code for code, _, _ in noted] == ["head_truncated"]
        assert sorted(code for code, _, _ in await standing(scene)) == left
