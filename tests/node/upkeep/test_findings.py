"""What an operator acknowledges is no problem any more, stays in the store, and hides no later fault."""

from pathlib import Path

import pytest

from node.errors import Refused, UsageError
from node.health.standing_findings import finding_problems
from node.stages import StreamId
from node.store import stream_findings
from node.upkeep.findings import acknowledge_findings, list_findings
from tests.support.bed import Bed, bed

PLACE = StreamId(stream="intel.caribbean", originator="BZ")


async def note(scene: Bed, code: str, position: int = 3) -> None:
    await scene.gt.store.write(
        lambda db: stream_findings.note(db, code, PLACE, sequence=None, position=position, now=1, each_position=True)
    )


async def problems(scene: Bed) -> list[str]:
    """The codes of the problems that `status` lists."""
    return [found.code for found in finding_problems(await scene.gt.store.read(stream_findings.standing))]


async def listed(scene: Bed, *, every: bool = False) -> list[str]:
    return [found.code for found in await list_findings(scene.gt.store, every=every)]


async def acknowledge(scene: Bed, reason: str = "ticket 4711") -> None:
    """Acknowledge everything that stands."""
    ids = [found.id for found in await list_findings(scene.gt.store)]
    await acknowledge_findings(scene.gt.store, ids, reason=reason, actor="me")


@pytest.mark.parametrize("code", ["log_replaced", "transport_malformed", "records_lost", "head_truncated"])
async def test_a_fault_that_is_acknowledged_has_ended_and_the_next_one_is_new(tmp_path: Path, code: str) -> None:
    async with bed(tmp_path) as scene:
        await note(scene, code)
        before = await problems(scene)
        await acknowledge(scene)
        after = await problems(scene)
        [kept] = await list_findings(scene.gt.store, every=True)
        await note(scene, code)

        assert (before, after) == ([code], [])
        assert (kept.acknowledged_by, kept.reason) == ("me", "ticket 4711")
        assert kept.ended_at == kept.acknowledged_at is not None
        assert await problems(scene) == [code]


async def test_a_gap_that_is_acknowledged_still_ends_when_its_records_arrive(tmp_path: Path) -> None:
    """It is not found a second time meanwhile, when further records arrive."""
    async with bed(tmp_path) as scene:
        late = [scene.bz.message(scene.key) for _ in range(2)][1]
        first_of_gap = scene.bz.message(scene.key)
        await scene.read(late, scene.bz.message(scene.key))
        await acknowledge(scene)
        await scene.read(scene.bz.message(scene.key))
        meanwhile = await listed(scene)
        await scene.read(first_of_gap)
        ended = [found.ended_at is not None for found in await list_findings(scene.gt.store, every=True)]

        assert meanwhile == []
        assert True in ended


async def test_what_stands_for_a_state_is_refused_and_nothing_is_acknowledged(tmp_path: Path) -> None:
    """It ends when the state ends: a person who hides it would not see that a party gets nothing."""
    async with bed(tmp_path) as scene:
        await note(scene, "log_replaced")
        await note(scene, "originator_paused")
        with pytest.raises(Refused) as refused:
            await acknowledge(scene)

        assert refused.value.code == "finding_stands"
        assert await listed(scene) == ["log_replaced", "originator_paused"]


async def test_an_id_that_is_not_there_is_refused(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        with pytest.raises(Refused) as refused:
            await acknowledge_findings(scene.gt.store, [2**62], reason="r", actor="me")

        assert (refused.value.code, refused.value.path) == ("not_found", "id")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\x00b"])
async def test_a_reason_that_says_nothing_or_is_too_long_is_refused(tmp_path: Path, reason: str) -> None:
    async with bed(tmp_path) as scene:
        await note(scene, "log_replaced")
        with pytest.raises(UsageError) as refused:
            await acknowledge(scene, reason)

        assert (refused.value.code, refused.value.path) == ("value_invalid", "reason")


async def test_the_first_reason_stays(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await note(scene, "log_replaced")
        [found] = await list_findings(scene.gt.store)
        for reason in ("first", "second"):
            [done] = await acknowledge_findings(scene.gt.store, [found.id], reason=reason, actor="me")

            assert done.reason == "first"
