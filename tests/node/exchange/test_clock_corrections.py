"""A stream whose last batch is dated in the future goes on after a checkpoint of its originator."""

from pathlib import Path

import pytest
import structlog.testing

from node.integrity import chain_check, clock_corrections
from node.integrity.finding_types import Findings
from node.primitives import frame
from node.sealing.seal import open_type_leaf
from node.system_random import random_bytes
from schemas.avro import codec
from schemas.types import Checkpoint, CheckpointBody, Head, KeyUse, MessageType
from tests.support.bed import Bed, bed
from tests.support.community import keys_of
from tests.support.records import INTEL, NOW, Author, place, report_of

TOPIC = "checkpoints.bz"


def checkpoint(author: Author, *, time: int, originator: str = "BZ", stream: str = INTEL) -> bytes:
    """A checkpoint of `author` that dates the end of a stream."""
    head = author.heads[INTEL]
    named = Head(originator=originator, stream=stream, next_sequence=head.next_sequence, batch=head.batch_hash)
    encoded = codec.encode(Checkpoint(time=time, heads=(named,)))
    key = keys_of(author.code).newest(KeyUse.CHECKPOINT)
    signature = key.sign(frame("enlace/1 checkpoint", author.community, author.code, encoded))
    body = codec.encode(CheckpointBody(checkpoint=encoded, key_id=key.key_id, signature=signature))
    leaf = open_type_leaf(MessageType.CHECKPOINT, body, message_id=random_bytes(16))
    return author.batch([leaf], stream="checkpoints")[0]


def at(scene: Bed, time: int, sequence: str) -> bytes:
    """A report that BZ sealed at a time."""
    scene.bz.now = time
    text = {"text": f"report {sequence}", "language": "en"}
    return scene.bz.message(scene.key, report_of(now=min(time, NOW), narrative=text))


async def ahead(scene: Bed, offset: int = 3_600_000) -> None:
    """BZ sealed two reports while its clock was ahead, and then one more at the right time after its head."""
    await scene.read(at(scene, NOW, "before"), at(scene, NOW + offset, "ahead 1"), at(scene, NOW + offset, "ahead 2"))


def back(scene: Bed) -> bytes:
    """A report that BZ seals at the right time."""
    head = scene.bz.heads[INTEL]
    scene.bz.heads[INTEL] = type(head)(
        next_sequence=head.next_sequence, batch_hash=head.batch_hash, sealed_at=scene.bz.now
    )
    return at(scene, NOW, "after")


async def test_a_batch_that_is_dated_before_its_predecessor_is_refused_without_a_checkpoint(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await ahead(scene)
        scene.bz.now = NOW
        await scene.read(back(scene))

        assert await scene.held() == [1]
        assert [kept.record.code for kept in await scene.quarantine()] == ["chain_invalid"]


async def test_a_checkpoint_releases_what_is_held_and_lets_the_stream_go_on(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await ahead(scene)
        before = await scene.counts()
        scene.bz.now = NOW
        with structlog.testing.capture_logs() as logged:
            await scene.read(checkpoint(scene.bz, time=NOW), topic=TOPIC)
        await scene.read(back(scene))
        await scene.gt.subscriber.retry_due()
        findings: Findings = Findings()
        await scene.gt.store.read(lambda db: chain_check.check_chain(db, place(), findings))

        assert before["held"] == 2
        assert [event["event"] for event in logged] == ["clock_corrected"]
        assert sorted(await scene.held()) == [1, 2, 3, 4]
        assert await scene.quarantine() == []
        assert await scene.findings() == []
        assert list(findings.listed) == []


async def test_a_checkpoint_that_arrives_last_counts_too(tmp_path: Path) -> None:
    """It travels on another topic, so the batches after the correction may be here before it."""
    async with bed(tmp_path) as scene:
        await ahead(scene)
        scene.bz.now = NOW
        made = checkpoint(scene.bz, time=NOW)
        await scene.read(back(scene))
        refused = [kept.record.code for kept in await scene.quarantine()]
        await scene.read(made, topic=TOPIC)
        await scene.gt.subscriber.retry_due()

        assert refused == ["chain_invalid"]
        assert sorted(await scene.held()) == [1, 2, 3, 4]
        assert await scene.quarantine() == []


async def test_nobody_corrects_the_stream_of_another(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await ahead(scene)
        scene.mx.heads[INTEL] = scene.bz.heads[INTEL]
        await scene.read(checkpoint(scene.mx, time=NOW, originator="BZ"), topic="checkpoints.mx")
        scene.bz.now = NOW
        await scene.read(back(scene))
        await scene.gt.subscriber.retry_due()

        assert await scene.held() == [1]
        assert [kept.record.code for kept in await scene.quarantine()] == ["chain_invalid"]


async def test_a_corrected_batch_may_not_be_followed_by_one_before_the_corrected_time(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        await ahead(scene)
        scene.bz.now = NOW
        await scene.read(checkpoint(scene.bz, time=NOW), topic=TOPIC)
        scene.bz.now = NOW - 1
        head = scene.bz.heads[INTEL]
        scene.bz.heads[INTEL] = type(head)(
            next_sequence=head.next_sequence, batch_hash=head.batch_hash, sealed_at=NOW - 1
        )
        await scene.read(at(scene, NOW - 1, "too early"))

        assert [kept.record.code for kept in await scene.quarantine()] == ["chain_invalid"]


async def test_of_many_corrections_a_node_keeps_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_corrections, "CORRECTIONS_MAX", 4)
    async with bed(tmp_path) as scene:
        await ahead(scene)
        for number in range(clock_corrections.CORRECTIONS_MAX + 3):
            await scene.read(at(scene, NOW + 3_600_000 + number, f"ahead {number}"))
            await scene.read(checkpoint(scene.bz, time=NOW + number), topic=TOPIC)
        kept = await scene.gt.store.read(lambda db: clock_corrections.of_stream(db, place()))

        assert len(kept) == clock_corrections.CORRECTIONS_MAX
        assert kept[0].next_sequence == scene.bz.heads[INTEL].next_sequence
