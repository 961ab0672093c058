"""Receipts between running nodes: what they report, to whom and when, and that an idle exchange falls silent."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from broker.log import LogUnavailable
from node.database.receipt_tables import receipt
from node.sealing.seal import open_type_leaf
from node.sending import seal_receipts
from node.store import counters, outbox, receipts_to_seal, stream_findings
from node.system_random import random_bytes
from node.undecided import quarantine
from schemas.avro import codec
from schemas.types import MessageType, Receipt, ReceiptItem
from tests.support.bed import GRANTS, bed
from tests.support.community import YEAR, Community, clause
from tests.support.exchange import Exchange, TestNode, exchange
from tests.support.readers import world
from tests.support.records import (
    INTEL,
    NOW,
    AudienceKey,
    Author,
    changed,
    entry_changed,
    parts,
    sealed,
    wrap_for,
)


async def tell(made: Exchange, *codes: str) -> None:
    """Let time pass, and let nodes send the receipts that are due."""
    made.clock.now += seal_receipts.QUIET_MS
    for code in codes or tuple(made.nodes):
        node = made.nodes[code]
        await node.receipt_sealer.step()
        await node.relay.step()


async def read_all(made: Exchange) -> None:
    for node in made.nodes.values():
        await node.read()


async def sent(made: Exchange, code: str) -> list[Receipt]:
    """Every receipt of a node in the log."""
    topic = f"receipts.{code.lower()}"
    fetched = await made.bus.fetch({topic: 0}, records_max=500, wait_seconds=0)
    return [codec.decode(Receipt, parts(entry.value or b"").content) for part in fetched for entry in part.entries]


async def said(made: Exchange, code: str, stream: str = INTEL) -> list[bytes]:
    """The outcomes that a node reported about a stream, in the order of its receipts."""
    return [item.outcomes for receipt in await sent(made, code) if receipt.stream == stream for item in receipt.items]


async def receipts_kept(node: TestNode) -> list[tuple[str, int, bytes]]:
    """Recipient, sequence and outcomes of each receipt that a node keeps."""
    rows = await node.store.read(
        lambda db: db.execute(select(receipt).order_by(receipt.c.recipient, receipt.c.sequence)).all()
    )
    return [(row.recipient, row.sequence, row.outcomes) for row in rows]


async def due(node: TestNode) -> int:
    return await node.store.read(receipts_to_seal.count_due)


async def test_a_recipient_reports_to_the_originator_that_message_and_grant_arrived(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        await made.nodes["BZ"].publish()
        await read_all(made)
        await tell(made)
        await read_all(made)

        assert await said(made, "GT") == [b"\x40"]
        assert await said(made, "GT", "keys") == [b"\x40"]
        assert [(code, outcomes) for code, _, outcomes in await receipts_kept(made.nodes["BZ"])] == [
            ("GT", b"\x40")
        ] * 2


async def test_a_node_that_is_not_addressed_and_the_originator_itself_report_nothing(tmp_path: Path) -> None:
    community = Community(("BZ", "GT", "MX"))
    community.agreement("BZ-GT", ("BZ", "GT"))
    async with exchange(tmp_path, "BZ", "GT", "MX", community=community) as made:
        await made.nodes["BZ"].publish()
        await read_all(made)
        await tell(made)

        assert len(await sent(made, "GT")) == 2
        assert await sent(made, "MX") == []
        assert await sent(made, "BZ") == []


async def test_an_idle_exchange_falls_silent(tmp_path: Path) -> None:
    """Every node reads receipts and does not answer them: three nodes that all published end with an empty outbox."""
    async with exchange(tmp_path, "BZ", "GT", "MX") as made:
        for node in made.nodes.values():
            await node.publish()
        await read_all(made)
        await tell(made)
        sent_counts = {code: len(await sent(made, code)) for code in made.nodes}
        for _ in range(5):
            await read_all(made)
            await tell(made)

        assert all(sent_counts.values())
        assert {code: len(await sent(made, code)) for code in made.nodes} == sent_counts
        for node in made.nodes.values():
            assert await node.store.read(lambda db: outbox.counts(db).drained)
            assert (await node.store.read(counters.counts)).other["verified_RECEIPT"] == sum(sent_counts.values())
            assert await due(node) == 0


async def test_a_batch_has_a_byte_for_each_leaf(tmp_path: Path) -> None:
    """Three leaves: one is for GT, one for MX, and one has not arrived."""
    community = Community(("BZ", "GT", "MX"))
    community.agreement("BZ-GT", ("BZ", "GT"), clause(["BZ"], ["GT"], subjects=("DRUG_TRAFFICKING",)))
    community.agreement("BZ-MX", ("BZ", "MX"), clause(["BZ"], ["MX"], subjects=("CONTRABAND",)))
    async with exchange(tmp_path, "BZ", "GT", "MX", community=community) as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        text = {"text": "another", "language": "en"}
        await bz.accept([bz.draft(subjects=["CONTRABAND"]), bz.draft(), bz.draft(narrative=text)])
        await bz.relay.seal(await bz.relay.look())
        rows = await bz.store.read(lambda db: outbox.unacknowledged(db, INTEL, 10))
        grants = await bz.store.read(lambda db: outbox.unacknowledged(db, "keys", 10))
        await made.bus.append("keys.bz", [value for _, value in grants])
        await made.bus.append("intel.caribbean.bz", [rows[0][1]])
        await gt.read()
        nothing_yet = await said(made, "GT")
        await made.bus.append("intel.caribbean.bz", [rows[1][1]])
        await gt.read()
        await tell(made, "GT")
        await made.bus.append("intel.caribbean.bz", [rows[2][1]])
        await gt.read()
        await tell(made, "GT")

        assert nothing_yet == []
        assert await said(made, "GT") == [b"\x00\x40\x01", b"\x00\x40\x40"]


async def test_a_message_that_is_stored_later_is_reported_again_and_both_receipts_are_kept(
    tmp_path: Path,
) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        await bz.publish()
        keys = gt.subscriber.places.pop("keys.bz")
        await gt.subscriber.start()
        await gt.read()
        await tell(made, "GT")
        gt.subscriber.places["keys.bz"] = keys
        await gt.subscriber.start()
        await gt.read()
        await tell(made, "GT")
        await bz.read()

        assert await said(made, "GT") == [b"\x42", b"\x40"]
        assert [outcomes for _, _, outcomes in await receipts_kept(bz)] == [b"\x42", b"\x40", b"\x40"]


async def test_receipts_are_collected_until_nothing_changes_for_a_moment(tmp_path: Path) -> None:
    """Ten batches within the moment get one receipt; a stream that never rests gets one after five seconds."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        for number in range(10):
            await bz.publish(narrative={"text": f"report {number}", "language": "en"})
            await gt.read()
            assert await gt.receipt_sealer.step() == pytest.approx(seal_receipts.QUIET_MS / 1000)
            made.clock.now += seal_receipts.QUIET_MS - 1
        made.clock.now += 1
        await tell(made, "GT")
        [together] = [receipt for receipt in await sent(made, "GT") if receipt.stream == INTEL]
        restless = 0
        while len(await sent(made, "GT")) < 3:
            await bz.publish(narrative={"text": f"restless report {restless}", "language": "en"})
            await gt.read()
            made.clock.now += seal_receipts.QUIET_MS - 1
            await gt.receipt_sealer.step()
            await gt.relay.step()
            restless += 1

        assert len(together.items) == 10
        assert restless == -(-seal_receipts.WAIT_MS_MAX // (seal_receipts.QUIET_MS - 1))


async def test_a_clock_that_went_back_keeps_no_receipt_waiting(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        await made.nodes["BZ"].publish()
        await made.nodes["GT"].read()
        made.clock.now -= 3_600_000
        await tell(made, "GT")

        assert len(await sent(made, "GT")) == 2


async def test_after_a_crash_a_receipt_is_sealed_again_or_the_same_bytes_are_sent(
    tmp_path: Path,
) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made, AsyncExitStack() as stack:
        await made.nodes["BZ"].publish()
        gt = made.nodes["GT"]
        await gt.read()
        made.clock.now += seal_receipts.QUIET_MS
        await gt.store.write(
            lambda db: db.exec_driver_sql(
                "CREATE TRIGGER stop BEFORE UPDATE ON batch_outcome BEGIN SELECT RAISE(FAIL, 'a test stops it'); END"
            )
        )
        with pytest.raises(IntegrityError, match="a test stops it"):
            await gt.receipt_sealer.step()
        await gt.store.write(lambda db: db.exec_driver_sql("DROP TRIGGER stop"))
        before = await gt.store.write(outbox.heads)
        again = await made.add(stack, "GT")
        await again.receipt_sealer.step()
        sealed = await again.store.read(lambda db: outbox.unacknowledged(db, "receipts", 10))
        third = await made.add(stack, "GT")
        await third.receipt_sealer.step()
        await third.relay.step()
        [fetched] = await made.bus.fetch({"receipts.gt": 0}, records_max=10, wait_seconds=0)

        assert "receipts" not in before
        assert [entry.value for entry in fetched.entries] == [value for _, value in sealed]
        assert len(sealed) == 2


async def test_an_outcome_that_changes_while_a_receipt_is_sealed_stays_due(tmp_path: Path) -> None:
    """The receipt says that a message waits; before the receipt is in the outbox, the message is stored."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        gt = made.nodes["GT"]
        await made.nodes["BZ"].publish()
        keys = gt.subscriber.places.pop("keys.bz")
        await gt.subscriber.start()
        await gt.read()
        before = await gt.store.read(lambda db: receipts_to_seal.due(db, 10))
        gt.subscriber.places["keys.bz"] = keys
        await gt.subscriber.start()
        await gt.read()
        await gt.store.write(lambda db: receipts_to_seal.mark_sealed(db, before))
        await tell(made, "GT")

        assert [row.outcomes for row in before] == [b"\x42"]
        assert await said(made, "GT") == [b"\x40"]


async def test_two_processes_of_a_node_never_fork_its_receipts(tmp_path: Path) -> None:
    """The second process finds the head moved or nothing due; everything is reported, in one chain."""
    async with exchange(tmp_path, "BZ", "GT") as made, AsyncExitStack() as stack:
        bz, first = made.nodes["BZ"], made.nodes["GT"]
        second = await made.add(stack, "GT")
        for number in range(8):
            await bz.publish(narrative={"text": f"report {number}", "language": "en"})
            await first.read()
            made.clock.now += seal_receipts.QUIET_MS
            await asyncio.gather(
                first.receipt_sealer.step(), second.receipt_sealer.step(), second.receipt_sealer.step()
            )
            await first.relay.step()
        await bz.read()
        refused, findings = (
            await bz.store.read(quarantine.entries),
            await bz.store.read(stream_findings.standing),
        )

        assert (refused, findings) == ([], [])
        assert await said(made, "GT") == [b"\x40"] * 8


async def test_receipts_wait_for_a_log_that_is_away(tmp_path: Path) -> None:
    """Later outcomes may still replace earlier ones, so nothing is sealed before it can be sent."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        await made.nodes["BZ"].publish()
        gt = made.nodes["GT"]
        await gt.read()
        made.clock.now += seal_receipts.QUIET_MS
        with (
            patch.object(gt.receipt_sealer.bus, "bounds", side_effect=LogUnavailable("away")),
            pytest.raises(LogUnavailable),
        ):
            await gt.receipt_sealer.step()

        assert await due(gt) == 2
        await tell(made, "GT")
        assert await due(gt) == 0


async def test_a_node_whose_document_does_not_list_the_stream_keeps_its_receipts_until_one_does(
    tmp_path: Path,
) -> None:
    community = Community(("BZ",))
    community.node("GT", streams=("intel.caribbean", "keys"))
    community.agreement("BZ-GT", ("BZ", "GT"))
    async with exchange(tmp_path, "BZ", "GT", community=community) as made:
        await made.nodes["BZ"].publish()
        gt = made.nodes["GT"]
        await gt.read()
        await tell(made, "GT")
        parked = await due(gt)
        with patch.object(type(gt.judge.governance), "may_write", return_value=True):
            await tell(made, "GT")

        assert parked == 0
        assert await gt.store.read(receipts_to_seal.on_their_way) == 2


# What an originator makes of receipts.


async def receive(made: Exchange, author: Author, *items: ReceiptItem, stream: str = INTEL) -> None:
    """Let BZ read a receipt by any author about its batch."""
    body = Receipt(originator="BZ", stream=stream, items=codec.sorted_set(items))
    leaf = open_type_leaf(MessageType.RECEIPT, codec.encode(body), message_id=random_bytes(16))
    await made.bus.append(f"receipts.{author.code.lower()}", author.batch([leaf], stream="receipts"))
    await made.nodes["BZ"].read()


async def own_hash(node: TestNode, stream: str = INTEL) -> bytes:
    """The hash of the newest own batch."""
    return (await node.store.read(outbox.heads))[stream].batch_hash


NOT_COUNTED = {
    "by a node that is not a recipient": ("MX", {}, b"\x40", INTEL),
    "about a batch that does not exist": ("GT", {"batch": bytes(32)}, b"\x40", INTEL),
    "about a batch of another stream": ("GT", {}, b"\x40", "intel.europe"),
    "with a byte too many": ("GT", {}, b"\x40\x40", INTEL),
}


@pytest.mark.parametrize(("by", "changes", "outcomes", "stream"), NOT_COUNTED.values(), ids=NOT_COUNTED)
async def test_a_receipt_counts_only_from_a_recipient_and_about_an_own_batch(
    by: str, changes: dict[str, bytes], outcomes: bytes, stream: str, tmp_path: Path
) -> None:
    """Any other is counted as ignored and not kept; the record itself is verified."""
    async with exchange(tmp_path, "BZ", community=only_gt()) as made:
        bz = made.nodes["BZ"]
        await bz.publish()
        author = Author(code=by, community=made.community.community)
        item = ReceiptItem(batch=changes.get("batch", await own_hash(bz)), outcomes=outcomes)
        await receive(made, author, item, stream=stream)
        ignored = await receipts_kept(bz)
        counted = await bz.store.read(counters.counts)
        honest = author if by == "GT" else Author(code="GT", community=made.community.community)
        await receive(made, honest, ReceiptItem(batch=await own_hash(bz), outcomes=b"\x40"))

        assert ignored == []
        assert (counted.other["receipt_ignored"], counted.other["verified_RECEIPT"]) == (1, 1)
        assert [code for code, _, _ in await receipts_kept(bz)] == ["GT"]


@pytest.mark.parametrize("byte", [0, 1, 66, 67, 8])
async def test_a_node_that_cannot_know_that_a_message_is_for_others_makes_no_fault(byte: int, tmp_path: Path) -> None:
    """MX read the message before its grant and reported that: the originator ignores it and counts no fault."""
    async with exchange(tmp_path, "BZ", community=only_gt()) as made:
        bz = made.nodes["BZ"]
        await bz.publish()
        author = Author(code="MX", community=made.community.community)
        await receive(made, author, ReceiptItem(batch=await own_hash(bz), outcomes=bytes([byte])))
        counted = await bz.store.read(counters.counts)

        assert await receipts_kept(bz) == []
        assert "receipt_ignored" not in counted.other
        assert counted.other["verified_RECEIPT"] == 1


def only_gt() -> Community:
    """BZ, GT and MX, where BZ may send to GT only."""
    community = Community(("BZ", "GT", "MX"))
    community.agreement("BZ-GT", ("BZ", "GT"))
    return community


async def test_a_receipt_of_a_batch_that_was_not_read_back_yet_counts(tmp_path: Path) -> None:
    """The recipient may be faster than the originator's own reading."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        await bz.publish()
        await gt.read()
        await tell(made, "GT")
        for topic in ("intel.caribbean.bz", "keys.bz"):
            bz.subscriber.places.pop(topic)
        await bz.subscriber.start()
        await bz.read()

        assert [code for code, _, _ in await receipts_kept(bz)] == ["GT", "GT"]


async def test_a_receipt_is_kept_in_the_transaction_that_read_it(tmp_path: Path) -> None:
    """The last statement fails: neither receipt nor position is stored, and the records are read again."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        await bz.publish()
        await read_all(made)
        await tell(made, "GT")
        await bz.store.write(
            lambda db: db.exec_driver_sql(
                "CREATE TRIGGER stop BEFORE INSERT ON counter BEGIN SELECT RAISE(FAIL, 'a test stops it'); END"
            )
        )
        with pytest.raises(IntegrityError, match="a test stops it"):
            await bz.read()
        before = await receipts_kept(bz)
        await bz.store.write(lambda db: db.exec_driver_sql("DROP TRIGGER stop"))
        await bz.read()

        assert before == []
        assert len(await receipts_kept(bz)) == 2


async def test_a_wrong_wrap_is_reported(tmp_path: Path) -> None:
    """Outcome 13 for the grant, and for the message that it should have opened."""
    async with bed(tmp_path, grant=False) as scene:
        wrong = wrap_for(scene.bz, bytes(32), scene.key.key_id, "GT", (world().named(),))
        await scene.read(scene.bz.grant(entry_changed(scene.grant, "GT", wrap=wrong.wrap)), topic=GRANTS)
        await scene.read(scene.bz.message(scene.key))
        await tell(scene.made)

        assert [kept.record.code for kept in await scene.quarantine()] == ["audience_key_mismatch"] * 2
        assert await said(scene.made, "GT", "keys") == [b"\x0d"]
        assert await said(scene.made, "GT") == [b"\x0d"]


def flipped(framed: bytes, key: bytes) -> bytes:
    """Content whose tag is wrong."""
    right = sealed(framed, key)
    return right[:-1] + bytes([right[-1] ^ 1])


async def test_failures_to_open_look_alike_from_outside(tmp_path: Path) -> None:
    """Commitment, tag and payload all give byte 14; the code stays in the recipient's store."""
    async with bed(tmp_path) as scene:
        other = AudienceKey(key=bytes(32), key_id=scene.key.key_id, grant=scene.key.grant)
        leaves = [
            scene.bz.sealed_leaf(other),
            scene.bz.sealed_leaf(scene.key, seal=flipped),
            scene.bz.sealed_leaf(scene.key, payload=b""),
        ]
        await scene.read(*scene.bz.batch(leaves))
        await tell(scene.made)

        codes = sorted(kept.record.code for kept in await scene.quarantine())
        assert codes == ["commitment_mismatch", "decryption_failed", "payload_malformed"]
        assert await said(scene.made, "GT") == [b"\x0e" * 3]


async def test_records_without_a_trace_or_a_place_are_reported_too(tmp_path: Path) -> None:
    """A second batch for one place gives byte 8; an expired key, which step 11 refuses before the chain, byte 11."""
    async with bed(tmp_path) as scene:
        fork = scene.bz.fork()
        await scene.read(scene.bz.message(scene.key), fork.message(scene.key))
        late = scene.bz.batch([scene.bz.sealed_leaf(scene.key)], sealed_at=NOW + 2 * YEAR)
        await scene.read(*late)
        await tell(scene.made)

        assert sorted(kept.record.code for kept in await scene.quarantine()) == ["equivocation", "key_not_valid"]
        assert sorted(await said(scene.made, "GT")) == [b"\x08", b"\x0b", b"\x40"]


async def test_a_failure_before_step_8_is_not_reported(tmp_path: Path) -> None:
    """Anyone may have written the record: the originator would get receipts for records that it never sent."""
    async with bed(tmp_path) as scene:
        await scene.read(b"garbage", changed(scene.bz.message(scene.key), content=b"other"))
        await tell(scene.made)

        assert sorted(kept.record.step for kept in await scene.quarantine()) == [1, 6]
        assert await said(scene.made, "GT") == []


async def test_a_repeated_record_changes_no_receipt(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        value = scene.bz.message(scene.key)
        await scene.read(value)
        await tell(scene.made)
        await scene.read(value)
        await tell(scene.made)

        assert await said(scene.made, "GT") == [b"\x40"]


async def test_a_grant_that_waited_for_its_key_is_reported_again_when_it_opens_a_message(
    tmp_path: Path,
) -> None:
    """The operator restored a key file: grant and message were reported as waiting, and open now."""
    async with bed(tmp_path) as scene:
        judge = scene.gt.judge
        scene.gt.judge = replace(judge, holds=lambda _: False)
        await scene.read(scene.bz.message(scene.key))
        await tell(scene.made)
        scene.gt.judge = judge
        await scene.gt.subscriber.retry_all()
        await tell(scene.made)

        assert await said(scene.made, "GT", "keys") == [b"\x42", b"\x40"]
        assert await said(scene.made, "GT") == [b"\x42", b"\x40"]
