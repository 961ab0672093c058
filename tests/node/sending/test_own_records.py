"""Own records that come back from the log: what is known by its bytes, and what takes the full way."""

from contextlib import AsyncExitStack
from pathlib import Path
from unittest.mock import patch

import pytest

from node.sending import own_records
from node.store import message_search, outbox, stream_findings
from node.store.message_search import Query
from node.store.outbox import OutboxCounts
from node.undecided import quarantine
from node.verification import judge
from tests.support.exchange import TestNode, exchange
from tests.support.readers import world
from tests.support.records import AudienceKey, Author

DRAINED = OutboxCounts(accepted=0, sealed=0, sent=0)


async def held(node: TestNode) -> list[str]:
    return [message.report_id for message in await node.store.read(lambda db: message_search.search(db, Query()))]


async def findings(node: TestNode) -> list[tuple[str, str, int | None, int | None]]:
    return [
        (found.code, found.stream, found.sequence, found.position)
        for found in await node.store.read(stream_findings.standing)
    ]


async def left(node: TestNode) -> OutboxCounts:
    return await node.store.read(outbox.counts)


async def test_a_record_with_the_same_bytes_is_stored_and_neither_verified_nor_opened(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        answer = await bz.publish(narrative={"text": "GO-FAST off Ranguana", "language": "en"})
        with (
            patch.object(judge, "verify", side_effect=AssertionError("verified again")),
            patch.object(judge, "open_message", side_effect=AssertionError("opened again")),
        ):
            await bz.read()
        [found] = await bz.store.read(lambda db: message_search.search(db, Query(texts=("ranguana",))))
        await made.nodes["GT"].read()
        [there] = await made.nodes["GT"].store.read(lambda db: message_search.search(db, Query(texts=("ranguana",))))

        assert (found.report_id, found.sequence, found.agreement) == (answer.report_id, 1, None)
        assert (found.report, found.message_id) == (there.report, there.message_id)
        assert await left(bz) == DRAINED
        assert await findings(bz) == []


@pytest.mark.parametrize("limit", ["RECORDS_REMEMBERED_MAX", "BYTES_REMEMBERED_MAX"])
async def test_what_is_not_remembered_takes_the_full_way_to_the_same_end(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_records, limit, 1)
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        answers = [await bz.publish(narrative={"text": f"report {number}", "language": "en"}) for number in range(3)]
        await bz.read()

        assert await held(bz) == [answer.report_id for answer in answers]
        assert await left(bz) == DRAINED
        assert await findings(bz) == []


async def test_what_another_process_sealed_takes_the_full_way_to_the_same_end(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made, AsyncExitStack() as stack:
        answer = await made.nodes["BZ"].publish()
        again = await made.add(stack, "BZ")
        await again.read()

        assert await held(again) == [answer.report_id]
        assert await left(again) == DRAINED
        assert await findings(again) == []


async def test_a_record_comes_back_twice_and_is_stored_once(tmp_path: Path) -> None:
    """The log has it twice, once before and once after the node has read it."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        answer = await bz.publish()
        [fetched] = await made.bus.fetch({"intel.caribbean.bz": 0}, records_max=1, wait_seconds=0)
        await made.bus.append("intel.caribbean.bz", [fetched.entries[0].value or b""])
        await bz.read()
        await made.bus.append("intel.caribbean.bz", [fetched.entries[0].value or b""])
        await bz.read()

        assert await held(bz) == [answer.report_id]
        assert await findings(bz) == []


async def test_own_bytes_in_another_stream_are_not_known_there(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        await bz.publish()
        [fetched] = await made.bus.fetch({"intel.caribbean.bz": 0}, records_max=1, wait_seconds=0)
        await made.bus.append("receipts.bz", [fetched.entries[0].value or b""])
        await bz.read()
        refused = await bz.store.read(quarantine.entries)

        assert [entry.stream for entry in refused] == ["receipts"]


async def test_a_record_that_this_node_did_not_send_is_a_finding_once_a_stream(tmp_path: Path) -> None:
    """A thief of the SEAL key: the records verify, and are in no outbox."""
    async with exchange(tmp_path, "BZ", "GT", community=world().community) as made:
        bz = made.nodes["BZ"]
        thief = Author(code="BZ", community=world().community.community)
        key = AudienceKey.new(thief)
        await made.bus.append("intel.caribbean.bz", [thief.message(key), thief.message(key)])
        await bz.read()
        await made.bus.append("intel.caribbean.bz", [thief.message(key)])
        await bz.read()

        assert await findings(bz) == [("own_stream_foreign", "intel.caribbean", 1, 0)]


async def test_other_bytes_at_a_sequence_that_was_sealed_are_a_finding_and_the_own_are_kept(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT", community=world().community) as made:
        bz = made.nodes["BZ"]
        await bz.accept([bz.draft()])
        await bz.relay.seal(await bz.relay.look())
        thief = Author(code="BZ", community=world().community.community)
        await made.bus.append("intel.caribbean.bz", [thief.message(AudienceKey.new(thief))])
        await bz.read()

        assert await findings(bz) == [("own_stream_foreign", "intel.caribbean", 1, 0)]
        assert (await left(bz)).sealed == 2


async def test_a_record_that_was_read_back_is_forgotten(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        await bz.publish()
        before = len(bz.relay.own_records)
        await bz.read()

        assert (before, len(bz.relay.own_records)) == (2, 0)
