"""A position belongs to a topic as it was read: a topic that was made anew is read from its beginning."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from broker import topology as topologies
from broker.embedded.log import EmbeddedLog
from broker.log import LogUnavailable
from node.exchange.arrival import Arrival
from node.exchange.log_identity import BETWEEN_LOOKS_MS, TopicIdentity, replaced_topics
from node.stages import StreamId
from node.store import read_positions
from node.store.read_positions import Mark
from tests.support.bed import REPORTS, Bed, bed
from tests.support.exchange import TOPOLOGY


async def made_anew(scene: Bed) -> None:
    """The topic of BZ's reports is deleted and created again."""
    assert isinstance(scene.made.bus, EmbeddedLog)
    await scene.made.bus.delete_topic(REPORTS)
    await scene.made.bus.provision(topologies.specs_of(TOPOLOGY))


def replace_log(folder: Path) -> None:
    """Another log has the name of this one."""
    for file in folder.glob("log.db*"):
        file.unlink()
    (folder / "other.db").rename(folder / "log.db")


async def test_a_topic_that_grew_beyond_the_position_after_it_was_made_anew_is_read_from_its_beginning(
    tmp_path: Path,
) -> None:
    """Without a comparison the node would go on in the middle, and never read what is before."""
    async with bed(tmp_path) as scene, AsyncExitStack() as stack:
        await scene.read(*(scene.bz.message(scene.key) for _ in range(3)))
        await scene.gt.store.close()
        await made_anew(scene)
        await scene.send(*(scene.bz.message(scene.key) for _ in range(5)))
        await scene.made.add(stack, "GT")
        await scene.gt.read()

        assert await scene.held() == list(range(1, 9))
        assert ("log_replaced", None) in await scene.findings()


async def test_a_log_file_that_is_replaced_while_it_is_read_is_read_from_its_beginning(tmp_path: Path) -> None:
    """The node learns it as an interruption, and compares what it reads after that."""
    async with bed(tmp_path) as scene:
        await scene.read(*(scene.bz.message(scene.key) for _ in range(3)))
        other = EmbeddedLog(tmp_path / "other.db")
        await other.provision(topologies.specs_of(TOPOLOGY))
        await other.close()
        replace_log(tmp_path)
        with pytest.raises(LogUnavailable):
            await scene.gt.read()
        with pytest.raises(LogUnavailable):
            await scene.made.bus.topics()
        await scene.send(*(scene.bz.message(scene.key) for _ in range(5)))
        await scene.gt.read()

        assert await scene.held() == list(range(1, 9))
        assert ("log_replaced", None) in await scene.findings()


@pytest.mark.parametrize("new", [4, 5, 9])
async def test_a_topic_that_grew_beyond_the_position_while_nodes_run_is_read_from_its_beginning(
    tmp_path: Path, new: int
) -> None:
    """The first record behind the position opens a gap."""
    async with bed(tmp_path) as scene:
        await scene.read(*(scene.bz.message(scene.key) for _ in range(3)))
        await made_anew(scene)
        await scene.send(*(scene.bz.message(scene.key) for _ in range(new)))
        await scene.gt.read()

        assert sorted(await scene.held()) == list(range(1, 4 + new))
        assert {code for code, _ in await scene.findings()} == {"log_replaced", "out_of_order"}


async def test_a_topic_that_grew_to_the_position_exactly_is_read_from_its_beginning_within_two_minutes(
    tmp_path: Path,
) -> None:
    """No record behind the position shows it."""
    async with bed(tmp_path) as scene:
        await scene.read(*(scene.bz.message(scene.key) for _ in range(3)))
        await made_anew(scene)
        await scene.send(*(scene.bz.message(scene.key) for _ in range(3)))
        for _ in range(3):
            await scene.gt.read()
            scene.made.clock.now += BETWEEN_LOOKS_MS

        assert sorted(await scene.held()) == [1, 2, 3, 4, 5, 6]
        assert ("log_replaced", None) in await scene.findings()


async def test_records_without_a_place_in_the_new_topic_do_not_hide_that_it_was_made_anew(tmp_path: Path) -> None:
    """Anybody can write them, and the last of them is the record before the position."""
    async with bed(tmp_path) as scene:
        await scene.read(*(scene.bz.message(scene.key) for _ in range(3)))
        await made_anew(scene)
        await scene.send(*(scene.bz.message(scene.key) for _ in range(3)))
        await scene.read(b"garbage", b"garbage again")
        await scene.read(scene.bz.message(scene.key))

        assert sorted(await scene.held()) == [1, 2, 3, 4, 5, 6, 7]


def test_a_gap_in_a_topic_that_is_the_same_is_compared_once_in_a_minute() -> None:
    """Otherwise a member could make its readers fetch twice for each record."""
    identity = TopicIdentity()
    mark = Mark(3, bytes(32))
    identity.load({REPORTS: mark})
    compared = []
    for now in range(BETWEEN_LOOKS_MS, 4 * BETWEEN_LOOKS_MS, 1000):
        if due := identity.due({REPORTS: now}, now):
            identity.compared(due, (), now)
            compared.append(now)
        gap = Arrival(topic=REPORTS, place=StreamId(stream="s", originator="BZ"), position=now, value=b"")
        gap.placed = gap.changed_gaps = True
        identity.ingested([gap])

    assert compared == [BETWEEN_LOOKS_MS, 2 * BETWEEN_LOOKS_MS, 3 * BETWEEN_LOOKS_MS]


async def test_a_gap_in_a_topic_that_is_the_same_is_no_reason_to_read_it_again(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await scene.read(*(scene.bz.message(scene.key) for _ in range(3)))
        scene.bz.message(scene.key)
        await scene.read(scene.bz.message(scene.key))

        assert await scene.held() == [1, 2, 3, 5]
        assert await scene.findings() == [("chain_gap", 4)]


async def test_a_topic_that_is_the_same_is_read_on_without_a_finding(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene, AsyncExitStack() as stack:
        await scene.read(*(scene.bz.message(scene.key) for _ in range(3)))
        await scene.gt.store.close()
        await scene.send(scene.bz.message(scene.key))
        await scene.made.add(stack, "GT")
        await scene.gt.read()

        assert await scene.held() == [1, 2, 3, 4]
        assert await scene.findings() == []


async def test_a_mark_is_compared_only_with_the_record_at_its_position(tmp_path: Path) -> None:
    """A record that retention removed proves nothing."""
    async with bed(tmp_path) as scene:
        await scene.read(*(scene.bz.message(scene.key) for _ in range(3)))
        marks = await scene.gt.store.read(read_positions.marks)
        assert isinstance(scene.made.bus, EmbeddedLog)
        same = await replaced_topics(scene.made.bus, marks)
        other = await replaced_topics(scene.made.bus, marks | {REPORTS: Mark(2, bytes(32))})
        await scene.made.bus.truncate_before(REPORTS, 3)

        assert (same, other) == ([], [REPORTS])
        assert await replaced_topics(scene.made.bus, marks | {REPORTS: Mark(2, bytes(32))}) == []
