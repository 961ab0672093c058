"""Sealing and sending: one chain with several processes, own bytes kept until they are read back, one time for all."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from unittest.mock import Mock, patch

import pytest
from sqlalchemy import Engine, event

from broker.log import LogUnavailable
from node.errors import Unavailable
from node.limits import CLOCK_SKEW_MS_MAX
from node.primitives import digest
from node.sending.acknowledgements import RECORD_AFTER_MS
from node.sending.send import ANSWER_COUNTS_MS
from node.stages import SealedBatch, StreamHead
from node.store import counters, message_search, outbox, stream_findings
from node.store.message_search import Query
from node.store.outbox import OutboxCounts
from node.undecided import quarantine
from schemas.avro import codec
from schemas.types import IntelligenceReport
from tests.support.community import Community
from tests.support.exchange import Exchange, TestNode, exchange
from tests.support.readers import world
from tests.support.records import (
    NOW,
    AudienceKey,
    Author,
    parts,
)

HOUR = 3_600_000


@asynccontextmanager
async def two_relays(folder: Path) -> AsyncIterator[tuple[Exchange, TestNode, TestNode]]:
    """BZ twice on one store, like two processes, and GT as the reader."""
    async with exchange(folder, "BZ", "GT") as made, AsyncExitStack() as stack:
        first = made.nodes["BZ"]
        yield made, first, await made.add(stack, "BZ")


async def held(node: TestNode) -> list[str]:
    return [
        message.report_id for message in await node.store.read(lambda db: message_search.search(db, Query(limit=1000)))
    ]


async def left(node: TestNode) -> OutboxCounts:
    return await node.store.read(outbox.counts)


async def test_two_relays_on_one_store_never_fork_the_chain(tmp_path: Path) -> None:
    async with two_relays(tmp_path) as (made, first, second):
        accepted = []
        for number in range(12):
            drafts = [first.draft(narrative={"text": f"report {number}.{k}", "language": "en"}) for k in range(3)]
            accepted += [answer.report_id for answer in await first.accept(drafts)]
            await asyncio.gather(first.relay.step(), second.relay.step(), second.relay.step())
        gt = made.nodes["GT"]
        await gt.read()
        await first.read()
        findings, refused = (
            await gt.store.read(stream_findings.standing),
            await gt.store.read(quarantine.entries),
        )

        assert sorted(await held(gt)) == sorted(accepted)
        assert findings == []
        assert refused == []
        assert await left(first) == OutboxCounts(accepted=0, sealed=0, sent=0)


async def test_a_batch_made_on_an_old_head_is_not_stored(tmp_path: Path) -> None:
    """Another process sealed first: nothing of the late batch is written, and its drafts still wait."""
    async with two_relays(tmp_path) as (_, first, second):
        await first.accept([first.draft()])
        before = await first.store.read(outbox.heads)
        await second.relay.seal(await second.relay.look())
        after = await first.store.read(outbox.heads)
        late = SealedBatch(
            stream="intel.caribbean", first_sequence=1, values=(b"late",), head=StreamHead(next_sequence=2)
        )
        with pytest.raises(outbox.HeadMoved):
            await first.store.write(lambda db: outbox.store_batches(db, before, [late]))
        assert await first.store.read(outbox.heads) == after
        assert await first.store.read(lambda db: outbox.unacknowledged(db, "intel.caribbean", 10)) != [(1, b"late")]


async def test_a_crash_after_sealing_sends_the_same_bytes(tmp_path: Path) -> None:
    async with two_relays(tmp_path) as (made, first, second):
        [answer] = await first.accept([first.draft()])
        await first.relay.seal(await first.relay.look())
        [(_, value)] = await first.store.read(lambda db: outbox.unacknowledged(db, "intel.caribbean", 10))
        await second.relay.step()
        [fetched] = await made.bus.fetch({"intel.caribbean.bz": 0}, records_max=10, wait_seconds=0)
        await made.nodes["GT"].read()

        assert [entry.value for entry in fetched.entries] == [value]
        assert await held(made.nodes["GT"]) == [answer.report_id]


async def test_a_crash_after_sending_sends_again_and_the_reader_counts_it(tmp_path: Path) -> None:
    """The log had the bytes, and the acknowledgement was lost."""
    async with two_relays(tmp_path) as (made, first, second):
        [answer] = await first.accept([first.draft()])
        await first.relay.seal(await first.relay.look())
        [(_, value)] = await first.store.read(lambda db: outbox.unacknowledged(db, "intel.caribbean", 10))
        await made.bus.append("intel.caribbean.bz", [value])
        await second.relay.step()
        gt = made.nodes["GT"]
        await gt.read()
        await first.read()
        counted = await gt.store.read(counters.counts)

        assert await held(gt) == [answer.report_id]
        assert counted.duplicate == 1
        assert await left(first) == OutboxCounts(accepted=0, sealed=0, sent=0)


async def test_own_bytes_are_kept_until_they_themselves_are_read_back(tmp_path: Path) -> None:
    """A thief of the SEAL key used the sequence first: the thief's record does not witness the node's own bytes."""
    async with exchange(tmp_path, "BZ", "GT", community=world().community) as made:
        bz = made.nodes["BZ"]
        await bz.accept([bz.draft()])
        await bz.relay.seal(await bz.relay.look())
        thief = Author(code="BZ", community=world().community.community)
        await made.bus.append("intel.caribbean.bz", [thief.message(AudienceKey.new(thief))])
        await bz.read()
        with pytest.raises(Unavailable, match="nothing is sealed or sent") as stopped:
            await bz.relay.step()

        assert stopped.value.code == "own_stream_foreign"
        assert await left(bz) == OutboxCounts(accepted=0, sealed=2, sent=0)


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements of all stores meanwhile, with COMMIT."""
    found: list[str] = []

    def add(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement.split(maxsplit=1)[0])

    def commit(_connection: object) -> None:
        found.append("COMMIT")

    event.listen(Engine, "before_cursor_execute", add)
    event.listen(Engine, "commit", commit)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", add)
        event.remove(Engine, "commit", commit)


async def test_a_step_reads_once_and_writes_once_for_a_batch(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        await bz.publish()
        await bz.read()
        await bz.accept([bz.draft(narrative={"text": "another", "language": "en"})])
        with statements() as made_here:
            assert await bz.relay.step() == 1
        await bz.read()
        with statements() as made_idle:
            assert await bz.relay.step() == 0

    assert (made_here.count("BEGIN"), made_here.count("COMMIT")) == (2, 1)
    assert made_idle == ["BEGIN", "SELECT", "SELECT"]


async def test_an_acknowledgement_is_recorded_within_a_second_unless_the_record_was_read_back(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        await bz.publish()
        at_once, wait = await left(bz), bz.relay.wait_seconds()
        made.clock.now += RECORD_AFTER_MS
        await bz.relay.step()
        later = await left(bz)
        await bz.read()
        await bz.publish(narrative={"text": "another", "language": "en"})
        await bz.read()
        made.clock.now += RECORD_AFTER_MS
        with statements() as made_here:
            await bz.relay.step()

        assert (at_once.sealed, wait) == (2, RECORD_AFTER_MS / 1000)
        assert later == OutboxCounts(accepted=0, sealed=0, sent=2)
        assert "COMMIT" not in made_here
        assert bz.relay.wait_seconds() is None


async def test_an_acknowledgement_is_recorded_with_the_next_batch_if_it_is_due(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        await bz.publish()
        made.clock.now += RECORD_AFTER_MS
        await bz.accept([bz.draft(narrative={"text": "another", "language": "en"})])
        with statements() as made_here:
            assert await bz.relay.step() == 1

        assert await left(bz) == OutboxCounts(accepted=0, sealed=1, sent=2)
        assert made_here.count("COMMIT") == 1


async def test_a_process_that_ended_before_recording_sends_again_and_readers_drop_it(tmp_path: Path) -> None:
    async with two_relays(tmp_path) as (made, first, second):
        [answer] = await first.accept([first.draft()])
        await first.relay.step()
        assert await second.relay.step() == 2
        gt = made.nodes["GT"]
        await gt.read()
        await first.read()
        counted = await gt.store.read(counters.counts)

        assert await held(gt) == [answer.report_id]
        assert counted.duplicate == 2
        assert await left(first) == OutboxCounts(accepted=0, sealed=0, sent=0)


async def test_a_batch_too_large_for_one_append_is_sent_in_parts_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "OUTGOING_BYTES_MAX", 5000)
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        drafts = [bz.draft(narrative={"text": f"report {number}", "language": "en"}) for number in range(12)]
        answers = await bz.accept(drafts)
        assert await bz.relay.step() == 13
        [fetched] = await made.bus.fetch({"intel.caribbean.bz": 0}, records_max=50, wait_seconds=0)
        await made.nodes["GT"].read()
        await bz.read()

        assert len(fetched.entries) == 12
        assert await held(made.nodes["GT"]) == [answer.report_id for answer in answers]
        assert await made.nodes["GT"].store.read(stream_findings.standing) == []
        assert await left(bz) == OutboxCounts(accepted=0, sealed=0, sent=0)


async def test_a_clock_that_went_back_does_not_change_who_is_admitted_at_the_time_of_sealing(tmp_path: Path) -> None:
    """`sealed_at` never decreases: recipients are decided at the time of a head that is a little after the clock."""
    community = Community(("BZ", "GT", "MX"))
    community.agreement("BZ-GT", ("BZ", "GT"), until=NOW + HOUR)
    community.agreement("BZ-MX", ("BZ", "MX"))
    async with exchange(tmp_path, "BZ", "GT", "MX", community=community) as made:
        bz = made.nodes["BZ"]
        made.clock.now = NOW + HOUR + CLOCK_SKEW_MS_MAX // 2
        await bz.publish()
        made.clock.now = NOW + HOUR - CLOCK_SKEW_MS_MAX // 2
        await bz.publish(narrative={"text": "after the clock went back", "language": "en"})
        made.clock.now = NOW + 2 * HOUR
        for node in made.nodes.values():
            await node.read()
        refused, counted = (
            await made.nodes["GT"].store.read(quarantine.entries),
            await made.nodes["GT"].store.read(counters.counts),
        )

        assert refused == []
        assert counted.other["not_addressed"] == 2
        assert len(await held(made.nodes["MX"])) == 2


async def test_each_key_serves_one_audience_and_each_message_has_its_own_nonce(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        drafts = [bz.draft(narrative={"text": f"report {number}", "language": "en"}) for number in range(20)]
        await bz.accept(drafts)
        await bz.relay.step()
        [fetched] = await made.bus.fetch({"intel.caribbean.bz": 0}, records_max=50, wait_seconds=0)
        contents = [parts(entry.value or b"").content for entry in fetched.entries]

        assert len({content[:32] for content in contents}) == 20
        assert len({content[32:44] for content in contents}) == 20
        assert len({digest(content) for content in contents}) == 20


async def test_a_draft_that_an_earlier_version_accepted_is_sealed_and_found_like_any_other(tmp_path: Path) -> None:
    """It has no labels and no search terms, so its report is decoded."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        answers = await bz.accept([bz.draft(narrative={"text": f"cutter {n}", "language": "en"}) for n in (1, 2)])
        await bz.store.write(lambda db: db.exec_driver_sql("UPDATE draft SET labels = NULL, terms = NULL WHERE id = 1"))
        await bz.relay.step()
        await bz.read()
        await gt.read()
        words = Query(texts=("cutter",), limit=10)
        here, there = [await node.store.read(lambda db: message_search.search(db, words)) for node in (bz, gt)]

        assert sorted(message.report_id for message in here) == sorted(answer.report_id for answer in answers)
        assert [message.report for message in here] == [message.report for message in there]
        assert await left(bz) == OutboxCounts(accepted=0, sealed=0, sent=0)


async def test_sealing_and_reading_back_do_not_decode_the_report(tmp_path: Path) -> None:
    """Labels and search terms are kept with the draft, and the sealed bytes are the report's."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        [answer] = await bz.accept([bz.draft(narrative={"text": "cutter", "language": "en"})])
        decoded = Mock(side_effect=codec.decode)
        with patch.object(codec, "decode", decoded):
            await bz.relay.step()
            await bz.read()
        [found] = await bz.store.read(lambda db: message_search.search(db, Query(texts=("cutter",))))

        assert found.report_id == answer.report_id
        assert IntelligenceReport not in {call.args[0] for call in decoded.call_args_list}


async def test_the_log_is_asked_before_sealing_unless_it_answered_just_now(tmp_path: Path) -> None:
    """A log that is away leaves drafts unsealed; after a failed append it is asked again."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        with patch.object(made.bus, "bounds", side_effect=LogUnavailable("away")):
            await bz.accept([bz.draft()])
            with pytest.raises(LogUnavailable):
                await bz.relay.step()
            first = await left(bz)
        await bz.relay.step()
        await bz.accept([bz.draft(narrative={"text": "two", "language": "en"})])
        with patch.object(made.bus, "bounds", side_effect=LogUnavailable("away")):
            assert await bz.relay.step() == 1
            made.clock.now += ANSWER_COUNTS_MS
            await bz.accept([bz.draft(narrative={"text": "three", "language": "en"})])
            with pytest.raises(LogUnavailable):
                await bz.relay.step()

        assert first == OutboxCounts(accepted=1, sealed=0, sent=0)
        assert (await left(bz)).accepted == 1
