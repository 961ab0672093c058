"""The tallies of a store: each record counts once for each decision that changed something."""

from pathlib import Path

from node.store import counters
from node.tallies import Latency, Tallies
from tests.support.bed import bed
from tests.support.exchange import TestNode, exchange
from tests.support.records import AudienceKey


async def tallied(node: TestNode) -> Tallies:
    return await node.store.read(counters.tallied)


async def test_published_reports_and_stored_reports_are_tallied_with_their_times(tmp_path: Path) -> None:
    """The originator counts from acceptance until it read the report back, a recipient until it stored it."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        await bz.accept([bz.draft(), bz.draft(narrative={"text": "Another.", "language": "en"})])
        made.clock.now += 200
        await bz.relay.step()
        await bz.read()
        made.clock.now += 800
        await gt.read()
        own, foreign = await tallied(bz), await tallied(gt)

    assert (own.published, foreign.published) == (2, 0)
    assert own.received["stored", ""] == foreign.received["stored", ""] == 2
    assert (own.times[Latency.WITNESSED].count, own.times[Latency.WITNESSED].sum_ms) == (2, 400)
    assert (foreign.times[Latency.STORED].count, foreign.times[Latency.STORED].sum_ms) == (2, 2000)
    assert own.times[Latency.STORED].count == foreign.times[Latency.WITNESSED].count == 0


async def test_a_report_that_is_handed_in_twice_is_published_once(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ") as made:
        bz = made.nodes["BZ"]
        for _ in range(2):
            await bz.accept([bz.draft()])

        assert (await tallied(bz)).published == 1


async def test_a_record_that_waits_counts_again_only_when_it_is_decided(tmp_path: Path) -> None:
    async with bed(tmp_path, grant=False) as scene:
        await scene.read(scene.bz.message(scene.key))
        for _ in range(3):
            await scene.gt.subscriber.retry_all()
        waiting = dict((await tallied(scene.gt)).received)
        await scene.read(scene.bz.grant(scene.grant), topic="keys.bz")
        received = (await tallied(scene.gt)).received

    assert waiting == {("waiting", "grant"): 1}
    assert received == {("waiting", "grant"): 1, ("counted", "KEY_GRANT"): 1, ("stored", ""): 1}


async def test_refused_and_repeated_records_are_tallied_by_their_code(tmp_path: Path) -> None:
    """A record that is refused again at a retry does not count again."""
    async with bed(tmp_path) as scene:
        message = scene.bz.message(scene.key)
        await scene.read(message, message, b"junk", scene.bz.message(AudienceKey.new(scene.bz, grant=7)))
        before = (await tallied(scene.gt)).received
        await scene.gt.subscriber.retry_all()
        after = (await tallied(scene.gt)).received

    assert before == after
    assert before["stored", ""] == before["duplicate", ""] == before["rejected", "framing_invalid"] == 1


async def test_tallies_are_no_counts_of_status(tmp_path: Path) -> None:
    """`status` shows the counts that it had before."""
    async with exchange(tmp_path, "BZ") as made:
        bz = made.nodes["BZ"]
        await bz.publish()
        await bz.read()
        names = (await bz.store.read(counters.counts)).by_name

    assert not [name for name in names if ":" in name]
