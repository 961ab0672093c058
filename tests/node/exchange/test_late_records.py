"""The work for a record depends on its neighbours in the stream, not on the history of the stream.

Each batch here has two leaves, of which one never arrives: anyone who can write to the log can delete it.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from msgspec import structs

from broker.streams import KEYS, RECEIPTS, topic_of
from node.audit.replay import Selection, replay
from node.sealing.seal import open_type_leaf
from node.stages import Leaf
from node.store import chains, stream_findings
from node.system_random import random_bytes
from node.verification.receipt_bytes import STORED, bodies
from schemas.avro import codec
from schemas.types import MessageType
from tests.support.bed import GRANTS, Bed, bed
from tests.support.database_work import counted
from tests.support.readers import granted
from tests.support.records import place

FEW, MANY = 40, 400
TOLERANCE = 1.25  # the trees of the database get deeper
TOPIC = topic_of(RECEIPTS, "BZ")


@cache
def body() -> bytes:
    """A receipt about a batch of MX. GT counts it, and keeps no row of it."""
    [receipt] = bodies("MX", "intel.caribbean", [(bytes(32), bytes([STORED]))])
    return codec.encode(receipt)


def leaf() -> Leaf:
    return open_type_leaf(MessageType.RECEIPT, body(), message_id=random_bytes(16))


def halves(scene: Bed, count: int) -> tuple[list[bytes], list[bytes]]:
    """The first and the second leaves of `count` batches."""
    batches = [scene.bz.batch([leaf(), leaf()], stream=RECEIPTS) for _ in range(count)]
    return [first for first, _ in batches], [second for _, second in batches]


async def steps_of(scene: Bed, values: Sequence[bytes]) -> int:
    await scene.send(*values, topic=TOPIC)
    with counted() as work:
        await scene.read()
    return work.steps


async def test_a_record_behind_many_gaps_costs_what_one_behind_few_gaps_costs(tmp_path: Path) -> None:
    async with bed(tmp_path, grant=False) as scene:
        await scene.read(*halves(scene, FEW)[0], topic=TOPIC)
        few = await steps_of(scene, halves(scene, 1)[0])
        await scene.read(*halves(scene, MANY)[0], topic=TOPIC)
        many = await steps_of(scene, halves(scene, 1)[0])

        assert len(await scene.findings()) == FEW + MANY + 1
        assert many < few * TOLERANCE


async def test_late_records_cost_the_same_however_many_gaps_and_batches_are_between_them(tmp_path: Path) -> None:
    """The first and the last of the missing records arrive together, and what is between them is not read."""
    async with bed(tmp_path, grant=False) as scene:
        firsts, late = halves(scene, FEW)
        await scene.read(*firsts, *halves(scene, 1)[0], topic=TOPIC)
        few = await steps_of(scene, [late[0], late[-1]])
        firsts, later = halves(scene, MANY)
        await scene.read(*firsts, *halves(scene, 1)[0], topic=TOPIC)
        many = await steps_of(scene, [late[1], later[-1]])

        assert many < few * TOLERANCE


@pytest.mark.parametrize("together", [1, 7, 100])
async def test_the_findings_are_the_gaps_of_the_whole_chain_after_each_step(together: int, tmp_path: Path) -> None:
    """Records in any part of the stream; a batch of a foreign predecessor among them fits its neighbours nowhere."""
    async with bed(tmp_path, grant=False) as scene:
        firsts, late = halves(scene, 12)
        misfit = scene.bz.batch([leaf(), leaf()], stream=RECEIPTS, previous=bytes([9] * 32))
        behind, last = halves(scene, 3)
        order = [*firsts[8:], misfit[1], *late[3:7], *firsts[:4], last[2], misfit[0], *late[:3], *firsts[4:8], *behind]
        for start in range(0, len(order), together):
            await scene.read(*order[start : start + together], topic=TOPIC)
            whole = await scene.gt.store.read(
                lambda db: chains.gaps(db, place(RECEIPTS), chains.highest(db, place(RECEIPTS)))
            )
            found = [
                (finding.code, finding.sequence)
                for finding in await scene.gt.store.read(stream_findings.standing)
                if finding.code != "out_of_order"
            ]

            assert sorted(found) == sorted((gap.code, gap.first) for gap in whole)


async def test_a_replay_of_a_stream_full_of_gaps_takes_work_in_proportion_to_its_records(tmp_path: Path) -> None:
    """Late records included, in an order that jumps through the stream."""
    per_record = []
    for count in (FEW, MANY):
        folder = tmp_path / str(count)
        (folder / "scratch").mkdir(parents=True)
        async with bed(folder, grant=False) as scene:
            firsts, late = halves(scene, count)
            mixed = [value for pair in zip(late[: count // 2], late[count // 2 :][::-1], strict=True) for value in pair]
            await scene.send(*firsts, *mixed[: count // 2], topic=TOPIC)
            with counted() as work:
                answer = await replay(
                    scene.made.bus, scene.made.governance, Selection(stream=TOPIC), scratch=folder / "scratch"
                )
            per_record.append(work.steps / answer.records)

    assert per_record[1] < per_record[0] * TOLERANCE


async def late_grant(scene: Bed, waiting: int) -> int:
    """The work for a late grant, while so many reports wait for the last one of its batch, which never comes."""
    grants = [granted(scene.bz) for _ in range(4)]
    leaves = [
        open_type_leaf(MessageType.KEY_GRANT, codec.encode(body), message_id=random_bytes(16)) for _, body in grants
    ]
    first = scene.bz.heads[KEYS].next_sequence if KEYS in scene.bz.heads else 1
    records = scene.bz.batch(leaves, stream=KEYS)
    key = replace(grants[-1][0], grant=first + 3)
    await scene.read(*(scene.bz.message(key) for _ in range(waiting)))
    await scene.read(records[2], topic=GRANTS)
    await scene.send(records[1], topic=GRANTS)
    with counted() as work:
        await scene.read()
    return work.steps


async def test_the_cost_of_a_late_grant_does_not_grow_with_the_reports_that_wait_for_a_later_one(
    tmp_path: Path,
) -> None:
    """A batch has 1,024 leaves: a decision about each waiting report for each late leaf would take hours."""
    async with bed(tmp_path, grant=False) as scene:
        few = await late_grant(scene, 2)
        many = await late_grant(scene, MANY)

        assert many < few * TOLERANCE


async def test_every_report_that_waited_for_a_late_part_is_stored(tmp_path: Path) -> None:
    """One report shows that the part was what they waited for; the others follow."""
    async with bed(tmp_path, grant=False) as scene:
        entries = {entry.recipient: entry for entry in scene.grant.entries}
        bodies = [structs.replace(scene.grant, entries=(entries[code],)) for code in ("BZ", "GT", "MX")]
        leaves = [open_type_leaf(MessageType.KEY_GRANT, codec.encode(b), message_id=random_bytes(16)) for b in bodies]
        first, second, third = scene.bz.batch(leaves, stream=KEYS)
        await scene.read(*(scene.bz.message(replace(scene.key, grant=3)) for _ in range(4)))
        await scene.read(first, third, topic=GRANTS)
        waiting = (await scene.counts())["waiting"]
        await scene.read(second, topic=GRANTS)

        assert waiting == 4
        assert sorted(await scene.held()) == [1, 2, 3, 4]
