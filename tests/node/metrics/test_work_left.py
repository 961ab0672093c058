"""What is left to read and to send, without what a known fault or finding stops."""

from pathlib import Path

from node.metrics.progress import Work
from node.metrics.work_left import kept, work_left
from node.outgoing import standing_faults
from node.outgoing.standing_faults import StandingFault
from node.stages import StreamId
from node.store import stream_findings
from tests.support.exchange import TestNode, exchange

REPORTS = "intel.caribbean.bz"


async def left(node: TestNode) -> Work:
    places = node.subscriber.places
    bounds = await node.bus.bounds(list(places))
    return work_left(places, bounds, await node.store.read(kept), node.code)


async def test_unread_records_and_reports_on_their_way_are_left(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        nothing = await left(bz)
        await bz.accept([bz.draft()])
        accepted = await left(bz)
        await bz.relay.step()
        sealed, unread = await left(bz), await left(gt)
        for node in (bz, gt):
            await node.read()

        assert nothing == await left(bz) == await left(gt) == Work(behind={}, outgoing={})
        assert (accepted.behind, accepted.outgoing) == ({}, {"heads": 0})
        assert sealed.outgoing.keys() == {"intel.caribbean", "keys"}
        assert unread == Work(behind={REPORTS: 0, "keys.bz": 0}, outgoing={})


async def test_what_a_finding_or_a_fault_stops_is_not_left(tmp_path: Path) -> None:
    """One originator, or one topic of the broker, does not make the whole node unready."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        await bz.publish()
        paused = StreamId(stream=stream_findings.ALL_STREAMS, originator="BZ")
        await gt.store.write(
            lambda db: stream_findings.add(db, "originator_paused", paused, sequence=None, position=None, now=1)
        )
        blocked = [
            StandingFault(code="stream_blocked", subject=topic, since=1, message="m") for topic in (REPORTS, "keys.bz")
        ]
        await bz.store.write(lambda db: standing_faults.put(db, blocked))

        assert (await left(gt)).behind == {}
        assert (await left(bz)).outgoing == {}
