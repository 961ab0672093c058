"""Since when the oldest own message waits in each state of the outbox."""

from pathlib import Path

from node.outgoing.oldest_unsettled import OldestUnsettled, oldest_unsettled
from node.store import set_aside
from node.store.set_aside import Obstacle
from tests.support.exchange import exchange


async def test_each_state_names_the_time_of_its_oldest_message(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ") as made:
        bz, begun = made.nodes["BZ"], made.clock()
        nothing = await bz.store.read(oldest_unsettled)
        await bz.accept([bz.draft()])
        made.clock.now += 1000
        await bz.accept([bz.draft(narrative={"text": "A later one.", "language": "en"})])
        accepted = await bz.store.read(oldest_unsettled)
        made.clock.now += 1000
        await bz.relay.step()
        await bz.relay.record_acknowledgements()
        sent = await bz.store.read(oldest_unsettled)
        await bz.read()
        settled = await bz.store.read(oldest_unsettled)

    assert nothing == settled == OldestUnsettled(accepted=None, sealed=None, sent=None)
    assert accepted == OldestUnsettled(accepted=begun, sealed=None, sent=None)
    assert sent == OldestUnsettled(accepted=None, sealed=None, sent=begun + 2000)


async def test_a_report_that_was_set_aside_is_not_the_oldest(tmp_path: Path) -> None:
    """It has a problem of its own; the next report counts."""
    async with exchange(tmp_path, "BZ") as made:
        bz = made.nodes["BZ"]
        await bz.accept([bz.draft()])
        made.clock.now += 1000
        await bz.accept([bz.draft(narrative={"text": "A later one.", "language": "en"})])
        await bz.store.write(lambda db: set_aside.put(db, {1: Obstacle(code="c", reason="r")}, 5))

        assert (await bz.store.read(oldest_unsettled)).accepted == made.clock()
