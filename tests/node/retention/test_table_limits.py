"""Each table of a store has a limit in rows and bytes, and is filled here as others can fill it.

A table without an entry in FILLS fails. docs/limits.md lists the same tables (tests/project/test_catalogues.py).
"""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final
from unittest.mock import patch

import pytest
from sqlalchemy import String, Table, text
from sqlalchemy.types import LargeBinary

from node.credentials import token_rows
from node.errors import Refused, Unavailable
from node.integrators import tokens as integrator_tokens
from node.integrators.tokens import NewToken, create_token
from node.integrity import clock_corrections
from node.integrity.all_tables import TABLES
from node.outgoing import kept_answers
from node.outgoing.kept_answers import KeptAnswer
from node.sending import publish, rejections, room
from node.sending.room import has_room
from node.stages import Draft, StreamHead
from node.store import counters, receipts_received, stream_findings
from node.system_random import random_bytes
from node.undecided import deferred_positions
from node.undecided.usage import Budget, Usage
from node.verification.receipt_bytes import meaning
from schemas.types import ReceiptItem
from tests.node.exchange.test_clock_corrections import checkpoint
from tests.node.sending.test_seal_receipts import own_hash, receive
from tests.support import floods
from tests.support.bed import Bed, bed
from tests.support.exchange import TestNode, exchange
from tests.support.floods import AMPLE, FEW, MANY, few, rows_of, used
from tests.support.readers import world
from tests.support.records import INTEL, NOW

Fill = Callable[[Path], Awaitable[None]]
Flood = Callable[[Bed], Awaitable[None]]
BY_NAME: Final = {table.name: table for table in TABLES}
OTHER_COLUMNS_BYTES: Final = 1024  # of a row, beside the bytes that are counted
MEMBERS, TOPICS = 5, 4 * 5 + 6  # of the topology of these tests: members, and no fewer topics than it has


async def rows(scene: Bed, *tables: str) -> int:
    """The rows of all these tables of GT."""
    return await scene.gt.store.read(lambda db: sum(rows_of(BY_NAME[name], db) for name in tables))


def row_size(table: Table) -> str:
    """SQL for the bytes of a row."""
    lengths = [
        f'COALESCE(LENGTH(CAST("{column.name}" AS BLOB)), 0)' if isinstance(column.type, String | LargeBinary) else "8"
        for column in table.columns
    ]
    return " + ".join(lengths)


async def size(scene: Bed, *tables: str) -> int:
    """The bytes of all rows of these tables of GT."""
    statements = [f"SELECT COALESCE(SUM({row_size(BY_NAME[name])}), 0) FROM {name}" for name in tables]
    return await scene.gt.store.read(
        lambda db: sum(int(db.execute(text(statement)).scalar() or 0) for statement in statements)
    )


async def check_room(scene: Bed, budget: Budget, most: int, *tables: str) -> None:
    """The rows are counted, and neither they nor their bytes are above the limit."""
    taken, there = await used(scene, budget), await rows(scene, *tables)
    assert 0 < there <= taken.rows <= most
    assert await size(scene, *tables) <= taken.size + there * OTHER_COLUMNS_BYTES


async def paused(folder: Path, flood: Flood, budget: Budget, *tables: str, grant: bool = True) -> None:
    """At the limit streams of the originator pause with a finding. When there is room again, nothing is missing."""
    for name, limit, most in (("rows", (FEW, AMPLE), FEW + 1), ("bytes", (AMPLE, 1), FEW + 1)):
        (folder / name).mkdir()
        async with bed(folder / name, grant=grant) as scene:
            with few(budget, rows=limit[0], size=limit[1]):
                await flood(scene)
                await check_room(scene, budget, most, *tables)
                assert ("originator_paused", None) in await scene.findings()
            await scene.gt.subscriber.retry_due()
            await scene.gt.read()
            assert ("originator_paused", None) not in await scene.findings()
            assert (await used(scene, budget)).rows >= MANY


async def deferred(folder: Path, flood: Flood, budget: Budget, table: str) -> None:
    """At the limit a record leaves no row; its position is noted."""
    for name, limit, most in (("rows", (FEW, AMPLE), FEW), ("bytes", (AMPLE, 1), 1)):
        (folder / name).mkdir()
        async with bed(folder / name) as scene:
            with few(budget, rows=limit[0], size=limit[1]):
                await flood(scene)
            await check_room(scene, budget, most, table)
            assert (await scene.counts())["deferred"] == MANY - most
            assert ("records_deferred", None) in await scene.findings()


async def indexes(folder: Path, *tables: str) -> None:
    """A message has a limited number of rows in each index, and their bytes are those of its payload."""
    async with bed(folder) as scene:
        with few(Budget.STORED):
            await floods.messages(scene)
        taken = await used(scene, Budget.STORED)
        assert 0 < await rows(scene, *tables) <= 8 * taken.rows
        assert await size(scene, *tables) <= taken.size


async def withheld_after_waiting(folder: Path) -> None:
    """Also a record that waited first, or was in quarantine, gets no row above the budget."""
    await deferred(folder, floods.withheld, Budget.WITHHELD, "withheld")
    (folder / "waiting").mkdir()
    async with bed(folder / "waiting") as scene:
        with few(Budget.WITHHELD):
            await floods.withheld_later(scene)
            assert await rows(scene, "pending") == 0
            await check_room(scene, Budget.WITHHELD, FEW, "withheld")
            assert (await scene.counts())["deferred"] == MANY - FEW


async def ranges(folder: Path) -> None:
    """Deferred positions are ranges, and their number is limited; a range becomes wider instead."""
    async with bed(folder) as scene:
        with few(Budget.FORGEABLE, rows=0):
            await floods.alternately(scene)
        assert (await rows(scene, "deferred"), (await scene.counts())["deferred"]) == (FEW, MANY)
        assert await size(scene, "deferred") <= FEW * OTHER_COLUMNS_BYTES
    assert deferred_positions.RANGES_PER_TOPIC_MAX < 100


async def findings(folder: Path) -> None:
    """Gaps and late records are findings until the originator has no room; then one finding says so."""
    async with bed(folder) as scene:
        with few():
            await floods.gaps(scene)
            again = await scene.findings()
        taken = await used(scene, Budget.FINDINGS)
        assert taken == Usage(FEW, FEW * stream_findings.FINDING_SIZE_BYTES)
        assert (await rows(scene, "finding"), len(again)) == (FEW + 1, FEW + 1)
        assert ("findings_full", None) in again
        assert await size(scene, "finding") <= taken.size + stream_findings.FINDING_SIZE_BYTES


async def receipts(folder: Path) -> None:
    """Of each recipient of a batch the last receipts are kept, and no receipt of anybody else."""
    async with exchange(folder, "BZ", community=world().community) as made:
        bz = made.nodes["BZ"]
        await bz.publish()
        await bz.read()
        batch, gt, es = await own_hash(bz), world().author("GT"), world().author("MX")
        with patch.object(receipts_received, "RECEIPTS_OF_BATCH_MAX", FEW):
            for number in range(MANY):
                await receive(made, gt, ReceiptItem(batch=batch, outcomes=bytes([64 + number % 3])))
                await receive(made, es, ReceiptItem(batch=bytes(32), outcomes=b"\x40"))
        kept = await bz.store.read(partial(receipts_received.of_batch, batch=batch))
        assert [receipt.sequence for receipt in kept] == [MANY - 2, MANY - 1, MANY]
        assert await bz.store.read(partial(rows_of, BY_NAME["receipt"])) == FEW


async def rejected(folder: Path) -> None:
    """A recipient rejects every record; the first ones are noted."""
    byte = next(byte for byte in range(256) if meaning(byte)[0] == "rejected")
    async with exchange(folder, "BZ", community=world().community) as made:
        store = made.nodes["BZ"].store
        for first in range(1, 1000, 100):
            many = [(first, bytes([byte]) * 100)]
            await store.write(
                partial(rejections.note, recipient="GT", stream="intel.caribbean", outcomes=many, now=made.clock())
            )
        assert await store.read(partial(rows_of, BY_NAME["fault"])) == rejections.REJECTIONS_NOTED_MAX


async def own_pay(folder: Path, table: str) -> None:
    """Whatever others write, the table stays empty: only commands of own users add rows."""
    async with bed(folder) as scene:
        await floods.garbage(scene)
        await floods.messages(scene)
        assert await rows(scene, table) == 0


def draft(node: TestNode) -> Draft:
    """A draft that was not accepted before."""
    return node.draft(narrative={"text": random_bytes(8).hex(), "language": "en"})


async def drafts(folder: Path) -> None:
    """Own users fill it, and intake refuses at the limit; what was accepted stays."""
    await own_pay(folder, "draft")
    (folder / "own").mkdir()
    async with exchange(folder / "own", "BZ", community=world().community) as made:
        bz = made.nodes["BZ"]
        with patch.object(publish, "DRAFTS_WAITING_MAX", FEW):
            await bz.accept([draft(bz) for _ in range(FEW)])
            with pytest.raises(Unavailable, match="no room") as by_rows:
                await bz.accept([draft(bz)])
        with patch.object(publish, "DRAFTS_WAITING_BYTES_MAX", 1), pytest.raises(Unavailable, match="no room"):
            await bz.accept([draft(bz)])
        accepted = await bz.store.read(partial(rows_of, BY_NAME["draft"]))
        await bz.relay.step()
        again = await bz.accept([draft(bz)])

        assert (by_rows.value.code, accepted, [answer.outcome for answer in again]) == (
            "outbox_full",
            FEW,
            ["accepted"],
        )
        assert await bz.store.read(counters.differences) == {}


async def outgoing(folder: Path) -> None:
    """A log that does not give records back stops the sealing, and intake refuses some time later."""
    await own_pay(folder, "outgoing")
    (folder / "own").mkdir()
    async with exchange(folder / "own", "BZ", community=world().community) as made:
        bz = made.nodes["BZ"]
        has = partial(has_room, of_receipts=False)

        async def may_seal(_now: int) -> bool:
            return await bz.store.read(has)

        bz.relay.may_seal = may_seal
        with patch.object(room, "OUTGOING_RECORDS_MAX", FEW):
            for _ in range(MANY):
                await bz.accept([draft(bz)])
                await bz.relay.step()
            full = await bz.store.read(partial(rows_of, BY_NAME["outgoing"])), await bz.store.read(counters.counts)
            await bz.read()
            await bz.relay.step()
        sealed = await bz.store.read(partial(rows_of, BY_NAME["outgoing"]))

        assert (full[0], sealed > 0) == (FEW + 1, True)  # with their grant, which has a stream of its own
        assert await bz.store.read(counters.differences) == {}


async def few_rows(folder: Path, table: str, most: int) -> None:
    """The community and the program limit the rows; what others write changes values."""
    async with bed(folder) as scene:
        await floods.garbage(scene)
        await floods.messages(scene)
        await floods.grants(scene)
        assert await rows(scene, table) <= most
        assert await size(scene, table) <= most * OTHER_COLUMNS_BYTES


async def corrections(folder: Path) -> None:
    """Each checkpoint of an originator takes room of its own, whichever streams it names."""
    async with bed(folder) as scene:
        with patch.object(clock_corrections, "CORRECTIONS_MAX", FEW):
            for number in range(MANY):
                stream = f"intel.region-{number}"
                scene.bz.heads[INTEL] = StreamHead(next_sequence=2 + number, batch_hash=bytes([number]) * 32)
                await scene.read(checkpoint(scene.bz, time=NOW, stream=stream), topic="checkpoints.bz")
        assert await rows(scene, "clock_correction") == FEW


CHAINED: Final = ("link", "used_id")


async def answers(folder: Path) -> None:
    """Own users fill it with new keys; the oldest answers leave, and those of today leave tomorrow."""
    await own_pay(folder, "kept_answer")
    (folder / "own").mkdir()
    async with exchange(folder / "own", "BZ", community=world().community) as made:
        store, now = made.nodes["BZ"].store, made.clock()
        kept = [
            KeptAnswer(integrator="a", key=f"{number}", body_digest=b"", outcome="accepted", answer=b"{}", kept_at=now)
            for number in range(MANY)
        ]
        with patch.object(kept_answers, "ANSWERS_MAX", FEW):
            for answer in kept:
                await store.write(partial(kept_answers.keep, answers=[answer]))
        asked = partial(kept_answers.find, integrator="a", keys=[answer.key for answer in kept])
        assert list((await store.read(partial(asked, now=now))).values()) == kept[-FEW:]
        later = now + kept_answers.ANSWERS_KEPT_MS
        assert await store.read(partial(asked, now=later)) == {}
        assert await store.write(partial(kept_answers.drop_old, before=later - kept_answers.ANSWERS_KEPT_MS)) == FEW
        assert await store.read(partial(rows_of, BY_NAME["kept_answer"])) == 0


async def tokens(folder: Path) -> None:
    """Ended tokens stay, so their number is limited."""
    async with exchange(folder, "BZ") as made:
        store = made.nodes["BZ"].store
        new = NewToken(name="case", scopes=["read"])
        with patch.object(integrator_tokens, "TOKENS_MAX", FEW):
            for _ in range(FEW):
                await create_token(store, new, actor="ana", now=NOW, random=random_bytes)
            with pytest.raises(Refused) as refused:
                await create_token(store, new, actor="ana", now=NOW, random=random_bytes)
        assert refused.value.code == "tokens_too_many"
        assert await store.read(token_rows.count) == FEW


FILLS: Final[dict[str, Fill]] = {
    "access_end": partial(few_rows, table="access_end", most=1),
    "access_head": partial(few_rows, table="access_head", most=0),
    "access_log": partial(own_pay, table="access_log"),
    "access_poll": partial(few_rows, table="access_poll", most=0),
    "batch_outcome": lambda folder: paused(folder, floods.messages, Budget.OUTCOMES, "batch_outcome"),
    "clock_check": partial(few_rows, table="clock_check", most=1),
    "clock_correction": corrections,
    "counter": partial(few_rows, table="counter", most=20),
    "deferred": ranges,
    "delivery": partial(own_pay, table="delivery"),
    "draft": drafts,
    "fault": rejected,
    "finding": findings,
    "granted": lambda folder: paused(folder, floods.grants, Budget.GRANTS, "granted", "granted_part"),
    "granted_part": lambda folder: paused(folder, floods.parts, Budget.GRANTS, "granted", "granted_part"),
    "handed_in": partial(own_pay, table="handed_in"),
    "head": partial(own_pay, table="head"),
    "identifier": lambda folder: indexes(folder, "identifier"),
    "kept_answer": answers,
    "knowledge": partial(few_rows, table="knowledge", most=1),
    "link": lambda folder: paused(folder, floods.messages, Budget.CHAIN, *CHAINED),
    "message": lambda folder: paused(folder, floods.messages, Budget.STORED, "message"),
    "message_block": lambda folder: indexes(folder, "message_block"),
    "message_subject": lambda folder: indexes(folder, "message_subject"),
    "message_text": lambda folder: indexes(folder, "message_text"),
    "outgoing": outgoing,
    "own_batch": partial(own_pay, table="own_batch"),
    "own_grant": partial(own_pay, table="own_grant"),
    "pending": lambda folder: paused(folder, floods.unopened, Budget.WAITING, "pending", grant=False),
    "quarantine": lambda folder: deferred(folder, floods.garbage, Budget.FORGEABLE, "quarantine"),
    "reading": partial(few_rows, table="reading", most=TOPICS),
    "receipt": receipts,
    "token": tokens,
    "turn": partial(few_rows, table="turn", most=MEMBERS),
    "usage": partial(few_rows, table="usage", most=MEMBERS * len(Budget)),
    "used_id": lambda folder: paused(folder, floods.grants, Budget.CHAIN, *CHAINED),
    "webhook": partial(own_pay, table="webhook"),
    "withheld": withheld_after_waiting,
}


def test_each_table_is_filled_by_a_test() -> None:
    assert FILLS.keys() == {table.name for table in TABLES}


@pytest.mark.parametrize("table", FILLS)
async def test_a_table_takes_the_room_of_its_limit_and_no_more(table: str, tmp_path: Path) -> None:
    await FILLS[table](tmp_path)
