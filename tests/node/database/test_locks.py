"""node/database/locks.py: where a transaction depends on what it looked up, the next one waits and sees the result."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from node.database.engine import Store, Transaction
from node.database.locks import Lock, hold
from node.exchange.log_faults import TRUNCATED, LogFaults
from node.sending.publish import HandIn
from node.stages import SealedBatch, StreamHead, StreamId
from node.store import (
    ingest_lock,
    message_search,
    messages,
    noted_knowledge,
    outbox,
    read_positions,
    receipts_due,
    receipts_to_seal,
    stream_findings,
)
from node.store.message_search import Query
from node.store.messages import Rows
from node.store.outbox import HeadMoved
from node.store.receipts_due import BatchOutcomes
from node.store.receipts_to_seal import DueOutcomes
from node.undecided import quarantine, quarantine_purge, quarantine_retry
from node.undecided.quarantine import RejectedRecord
from node.undecided.quarantine_filter import EVERYTHING
from node.undecided.usage import Budget
from tests.support import postgres
from tests.support.exchange import exchange

WAIT_SECONDS = 30.0
WAITING = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock' AND state = 'active' LIMIT 1"
)
INTEL = StreamId(stream="intel.caribbean", originator="BZ")
Work = Callable[[Transaction], Any]


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    opened = await Store.open(postgres.database())
    yield opened
    await opened.close()


async def overlapping(store: Store, first: Work, second: Work) -> tuple[list[Any], bool]:
    """Both answers, or errors, and whether `second` waited while the transaction of `first` was open."""
    done, release = threading.Event(), threading.Event()

    def stay_open(db: Transaction) -> Any:
        answer = first(db)
        done.set()
        assert release.wait(WAIT_SECONDS)
        return answer

    one = asyncio.create_task(store.write(stay_open))
    assert await asyncio.to_thread(done.wait, WAIT_SECONDS)
    two = asyncio.create_task(store.write(second))
    waited = await _waits(store, two)
    release.set()
    return list(await asyncio.gather(one, two, return_exceptions=True)), waited


async def _waits(store: Store, task: asyncio.Task[Any]) -> bool:
    question = WAITING.format(name=store._backend.writer.url.database)
    async with asyncio.timeout(WAIT_SECONDS):
        while not task.done():
            if await asyncio.to_thread(postgres.shared().execute, question):
                return True
    return False


def hold_only(lock: Lock) -> Work:
    return partial(hold, lock=lock)


@pytest.mark.parametrize("lock", Lock)
async def test_a_lock_is_held_until_the_transaction_ends(lock: Lock, store: Store) -> None:
    """Another transaction waits for it; a shared one only waits for one that holds it alone."""
    assert (await overlapping(store, hold_only(lock), hold_only(lock)))[1]
    assert (await overlapping(store, hold_only(lock), partial(hold, lock=lock, shared=True)))[1]
    both = await overlapping(store, partial(hold, lock=lock, shared=True), partial(hold, lock=lock, shared=True))
    assert not both[1]
    others = [other for other in Lock if other is not lock]

    def hold_others(db: Transaction) -> None:
        for other in others:
            hold(db, other)

    assert not (await overlapping(store, hold_only(lock), hold_others))[1]


async def test_stores_in_two_schemas_of_a_database_do_not_wait_for_each_other(store: Store) -> None:
    """Each schema is a store of its own."""

    def elsewhere(db: Transaction) -> None:
        db.exec_driver_sql("CREATE SCHEMA other")
        db.exec_driver_sql("SET LOCAL search_path TO other")
        hold(db, Lock.INTAKE)

    assert not (await overlapping(store, hold_only(Lock.INTAKE), elsewhere))[1]


def add_message(number: int) -> Work:
    def add(db: Transaction) -> int:
        id_ = messages.next_id(db)
        facts = (bytes([number]) * 16, "BZ", "intel", number, f"report {number}", 1, 2, 3, None, None, b"p", b"r")
        messages.put(db, Rows(messages=[(id_, *facts)], texts=[(id_, "text")]))
        return id_

    return add


async def test_a_message_becomes_visible_before_any_with_a_higher_id(store: Store) -> None:
    """Ids are cursors: a search that continues after an id must not skip a message that is committed later."""
    ids, waited = await overlapping(store, add_message(1), add_message(2))

    assert (ids, waited) == ([1, 2], True)


async def test_two_processes_that_accept_the_same_report_accept_it_once(tmp_path: Path) -> None:
    """The second one finds it, and answers `duplicate` with the same message id."""
    url = postgres.database()
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        stores = [await Store.open(url) for _ in range(4)]
        for round_ in range(5):
            draft = bz.draft(legal_basis=f"Act {round_}")
            answers = []
            publishers = [_with_store(bz.publisher, store) for store in stores]
            for accepted in await asyncio.gather(*(each.accept([draft], actor="x") for each in publishers)):
                answers += accepted
            assert sorted(answer.outcome for answer in answers) == ["accepted", *["duplicate"] * 3]
            assert len({answer.message_id for answer in answers}) == 1
        for store in stores:
            await store.close()


def _with_store(publisher: Any, store: Store) -> Any:
    return replace(publisher, store=store)


async def test_the_intake_waits_for_another_intake(store: Store, tmp_path: Path) -> None:
    """So the look-up of the second one sees the reports of the first."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        draft = bz.draft()
        accept = partial(_with_store(bz.publisher, store).accept_in, hand_ins=[HandIn(drafts=[draft], actor="test")])
        [[[first]], [[second]]], waited = await overlapping(store, accept, accept)

    assert (first.outcome, second.outcome, waited) == ("accepted", "duplicate", True)


def seal(value: bytes) -> Work:
    head = StreamHead(next_sequence=2, batch_hash=value * 32, sealed_at=1)
    batch = SealedBatch(stream="intel.caribbean", first_sequence=1, values=(value,), head=head)
    return partial(outbox.store_batches, before={}, batches=[batch])


async def test_of_two_relays_that_continue_the_same_head_one_is_refused(store: Store) -> None:
    """A stream with two continuations would be equivocation."""
    [first, second], waited = await overlapping(store, seal(b"a"), seal(b"b"))

    assert (first, type(second), waited) == (None, HeadMoved, True)
    assert await store.read(lambda db: outbox.unacknowledged(db, "intel.caribbean", 9)) == [(1, b"a")]


async def test_acknowledging_and_deleting_sealed_bytes_take_turns(store: Store) -> None:
    """Both change many rows, perhaps in another order."""
    await store.write(lambda db: outbox.put_outgoing(db, "keys", 1, [b"a", b"b"]))
    acknowledge = partial(outbox.acknowledge, stream="keys", first=1, last=2)
    witness = partial(outbox.witness, stream="keys", read_back=[(2, b"b"), (1, b"a")])

    assert (await overlapping(store, acknowledge, witness))[1]
    assert (await overlapping(store, witness, acknowledge))[1]


@pytest.mark.parametrize("stored", [{}, {"BZ": 0, "GT": 0}])
async def test_of_two_ingests_of_an_originator_one_computes_again(stored: dict[str, int], store: Store) -> None:
    """It waits until the other one is committed. Ingests of different originators do not wait."""
    await store.write(lambda db: ingest_lock.advance(db, stored))
    version = len(stored) // 2
    both = partial(ingest_lock.advance, read={"GT": version, "BZ": version})
    one = partial(ingest_lock.advance, read={"BZ": version})

    assert await overlapping(store, both, one) == ([True, False], True)
    assert await overlapping(
        store, partial(ingest_lock.advance, read={"MX": 0}), partial(ingest_lock.advance, read={"CO": 0})
    ) == ([True, True], False)


async def test_outcomes_are_not_marked_as_sealed_while_others_are_written(store: Store) -> None:
    """Ingests of different originators write outcomes at the same time."""
    noted = [BatchOutcomes(place=INTEL, hash=b"h" * 32, size=1, outcomes={0: 64})]
    other = [BatchOutcomes(place=StreamId(stream="x", originator="GT"), hash=b"i" * 32, size=1, outcomes={0: 64})]
    put, put_other = (partial(receipts_due.put_outcomes, noted=batches, now=1) for batches in (noted, other))
    sealed = [DueOutcomes(originator="BZ", stream=INTEL.stream, hash=b"h" * 32, outcomes=b"\x40")]
    mark = partial(receipts_to_seal.mark_sealed, due=sealed)

    assert not (await overlapping(store, put, put_other))[1]
    assert (await overlapping(store, put, mark))[1]
    assert (await overlapping(store, mark, put_other))[1]
    assert (await overlapping(store, put_other, receipts_to_seal.park))[1]


async def test_a_fault_of_the_log_that_two_processes_see_is_one_finding(store: Store) -> None:
    """The highest sequence that an ingest raises meanwhile is kept."""
    await store.write(partial(read_positions.put, rows=[("topic", INTEL, 1, 5, None, None)]))

    async def meet() -> None:
        await LogFaults(store, {"topic": INTEL}, lambda: 1, lambda: "GT")._record(TRUNCATED, "topic", 6, 9, go_on_at=9)

    raised = partial(read_positions.raise_highest, place=INTEL, value=7)
    await asyncio.gather(meet(), meet(), store.write(raised), meet())

    [finding] = await store.read(stream_findings.standing)
    [reading] = await store.read(read_positions.readings)
    assert (finding.code, reading.position, reading.highest) == ("head_truncated", 9, 7)


async def test_bytes_are_deleted_while_no_record_enters_or_leaves_the_quarantine(store: Store) -> None:
    """What the records take is counted before it is subtracted. Ingests of different originators do not wait."""

    def rejected(originator: str) -> RejectedRecord:
        place = StreamId(stream="keys", originator=originator)
        return RejectedRecord(
            code="framing_invalid",
            step=1,
            detail="",
            topic=f"keys.{originator}",
            place=place,
            position=1,
            sequence=None,
            value=b"junk",
            budget=Budget.FORGEABLE,
        )

    add, add_other = (partial(quarantine.add, records=[rejected(code)], now=1) for code in ("BZ", "GT"))
    purge = partial(quarantine_purge.purge, wanted=EVERYTHING)
    drop = partial(quarantine_retry.drop, wanted=[rejected("GT").id])

    assert await overlapping(store, add, add_other) == ([0, 0], False)
    assert (await overlapping(store, purge, drop))[1]
    [purged, _], waited = await overlapping(store, purge, partial(quarantine.add, records=[rejected("MX")], now=1))
    assert (purged["records"], waited) == (0, True)


async def test_two_starting_daemons_note_one_digest(store: Store) -> None:
    """The table has one row."""
    note = [partial(noted_knowledge.put, digest=value * 32) for value in (b"a", b"b")]
    ended, waited = await overlapping(store, *note)

    assert (ended, waited) == ([None, None], True)
    assert await store.read(noted_knowledge.digest) == b"b" * 32


async def test_no_search_skips_a_message_while_several_processes_store_some(store: Store) -> None:
    """A reader that follows the cursor sees each message once, in the order of the ids."""
    total = 40
    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < total:
            after = seen[-1] if seen else 0
            seen.extend(await store.read(partial(_ids_after, after=after)))

    async with asyncio.timeout(WAIT_SECONDS):
        await asyncio.gather(follow(), *(store.write(add_message(number)) for number in range(1, total + 1)))

    assert seen == list(range(1, total + 1))


def _ids_after(db: Transaction, after: int) -> list[int]:
    with patch.object(message_search, "read_stored", bytes):
        return [int(found.cursor) for found in message_search.search(db, Query(after=after))]
