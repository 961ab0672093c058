"""A position belongs to a topic as it was read: a topic that was made anew is read from its beginning."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from broker import topology as topologies
from broker.embedded.log import EmbeddedLog
from broker.log import LogUnavailable
from node.exchange.log_identity import replaced_topics
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
