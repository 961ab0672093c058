"""Own records that are read back wait a moment for each other; the records of others never wait."""

from pathlib import Path
from unittest.mock import create_autospec, patch

import pytest

from node.errors import Unavailable
from node.exchange.arrival import Arrival
from node.exchange.gathering import GATHERED_RECORDS_MAX, Gathering
from node.sending.own_records import OwnRecord
from node.stages import StreamId
from node.store import messages, outbox
from node.store.outbox import OutboxCounts
from tests.support.exchange import exchange

GATHER_MS = 100
DRAINED = OutboxCounts(accepted=0, sealed=0, sent=0)


def arrival(*, own: bool) -> Arrival:
    place = StreamId(stream="intel.caribbean", originator="BZ")
    known = create_autospec(OwnRecord) if own else None
    return Arrival(topic="intel.caribbean.bz", place=place, position=0, value=b"", own=known)


def test_own_records_wait_for_the_given_time_after_the_first() -> None:
    """Later ones do not prolong it, and a clock that goes back ends it."""
    gathering = Gathering()

    assert gathering.left_ms(GATHER_MS, 1_000) is None
    gathering.add([arrival(own=True)], {"a": 1}, 1_000)
    gathering.add([arrival(own=True)], {"a": 2, "b": 1}, 1_090)
    assert [gathering.left_ms(GATHER_MS, now) for now in (1_000, 1_090, 1_100, 9_999, 999)] == [100, 10, 0, 0, 0]
    assert gathering.positions == {"a": 2, "b": 1}
    gathering.clear()
    assert gathering.left_ms(GATHER_MS, 1_000) is None


def test_a_record_of_another_node_and_many_own_ones_do_not_wait() -> None:
    """What waited so far goes with them."""
    mixed, many = Gathering(), Gathering()
    mixed.add([arrival(own=True), arrival(own=False)], {}, 0)
    many.add([arrival(own=True)] * GATHERED_RECORDS_MAX, {}, 0)

    assert (mixed.left_ms(GATHER_MS, 0), many.left_ms(GATHER_MS, 0)) == (0, 0)


async def test_own_records_of_several_fetches_are_stored_together_once_the_time_is_over(tmp_path: Path) -> None:
    """Until then they are in the outbox, and nothing is read twice."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        await bz.subscriber.step(0)
        for number in range(3):
            await bz.publish(narrative={"text": f"report {number}", "language": "en"})
            await bz.subscriber.step(0, gather_ms=GATHER_MS)
        waiting = await bz.store.read(messages.count), (await bz.store.read(outbox.counts)).drained
        made.clock.now += GATHER_MS
        assert await bz.subscriber.step(0, gather_ms=GATHER_MS) == 0
        stored = await bz.store.read(messages.count), await bz.store.read(outbox.counts)

        assert waiting == (0, False)
        assert stored == (3, DRAINED)


async def test_a_store_that_is_away_loses_nothing_of_what_was_gathered(tmp_path: Path) -> None:
    """The records are fetched again from the position that the store has."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        await bz.publish()
        await bz.subscriber.step(0, gather_ms=GATHER_MS)
        made.clock.now += GATHER_MS
        away = patch.object(bz.store, "write", side_effect=Unavailable("store_unavailable", "away"))
        with away, pytest.raises(Unavailable):
            await bz.subscriber.step(0, gather_ms=GATHER_MS)
        await bz.read()

        assert await bz.store.read(messages.count) == 1
        assert await bz.store.read(outbox.counts) == DRAINED
