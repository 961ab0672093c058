"""A record that a key of this node signed and that this node did not send is held, and stops the node."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import pytest
import structlog.testing

from node.errors import Unavailable
from node.exchange import quotas
from node.integrity import own_heads
from node.sending.seal_receipts import QUIET_MS
from node.store import message_search, outbox, stream_findings, withheld_notes
from node.store.message_search import Query
from node.undecided import pending_lists, quarantine
from node.undecided.usage import Budget, Usage
from node.verification.unsent import Unsent
from schemas.types import IntelligenceReport
from tests.support.exchange import Exchange, TestNode, exchange
from tests.support.readers import world
from tests.support.records import AudienceKey, Author, changed

TOPIC = "intel.caribbean.bz"


async def texts(node: TestNode) -> list[str]:
    found = await node.store.read(lambda db: message_search.search(db, Query(limit=100)))
    return sorted(cast(IntelligenceReport, message.report).narrative.text for message in found)


async def findings(node: TestNode) -> list[tuple[str, str, int | None]]:
    found = await node.store.read(stream_findings.standing)
    return [(finding.code, finding.stream, finding.sequence) for finding in found]


async def held(node: TestNode) -> list[tuple[str, int]]:
    return [(record.reason, record.sequence) for record in await node.store.read(pending_lists.kept)]


def thief() -> tuple[Author, AudienceKey]:
    """Who has the SEAL key of BZ, and the key under which the thief seals."""
    author = Author(code="BZ", community=world().community.community)
    return author, AudienceKey.new(author)


async def decide(node: TestNode, unsent: Unsent) -> int:
    """What the command `adopt` does; returns how many reports are drafts again."""
    node.judge = replace(node.judge, unsent=unsent)
    await node.read()
    await node.subscriber.retry_all()
    await node.read()
    behind = await node.store.read(partial(own_heads.behind, node=node.code))
    again = await node.store.write(partial(own_heads.adopt, judge=node.judge, streams=behind, now=node.clock()))
    node.judge = replace(node.judge, unsent=Unsent.HELD)
    return again


async def publish(node: TestNode, *words: str) -> None:
    for word in words:
        await node.publish(narrative={"text": word, "language": "en"})


async def read_all(made: Exchange) -> None:
    for node in made.nodes.values():
        await node.read()


async def test_a_forged_record_is_held_and_nothing_is_sealed_until_an_operator_decides(tmp_path: Path) -> None:
    """The owner accepts reports meanwhile, and loses none."""
    async with exchange(tmp_path, "BZ", "GT", community=world().community) as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        author, key = thief()
        with structlog.testing.capture_logs() as logged:
            await made.bus.append(TOPIC, [author.message(key)])
            await bz.read()
        with pytest.raises(Unavailable) as stopped:
            await publish(bz, "mine")
        stored, waiting = await texts(bz), await held(bz)
        alarm = [event["event"] for event in logged]
        again = await decide(bz, Unsent.DISOWNED)
        await bz.relay.step()
        await read_all(made)

        assert stopped.value.code == "own_stream_foreign"
        assert (stored, waiting, alarm) == ([], [("foreign", 1)], ["own_stream_foreign"])
        assert again == 0
        assert await texts(bz) == ["mine"]
        assert "mine" in await texts(gt)
        assert [note.code for note in await bz.store.read(withheld_notes.notes)] == ["disowned"]
        assert await findings(bz) == []
        assert await bz.store.read(outbox.counts) == outbox.OutboxCounts(accepted=0, sealed=0, sent=0)


async def test_a_report_that_was_sealed_at_a_sequence_that_a_thief_took_is_sealed_again(tmp_path: Path) -> None:
    """Its sealed bytes are opened with the own entry of the grant, and every node gets it once."""
    async with exchange(tmp_path, "BZ", "GT", community=world().community) as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        await publish(bz, "alfa")
        await read_all(made)
        await bz.accept([bz.draft(narrative={"text": word, "language": "en"}) for word in ("bravo", "charlie")])
        await bz.relay.seal(await bz.relay.look())
        author, key = thief()
        head = await bz.store.read(lambda db: own_heads._end_in_log(db, "BZ", "intel.caribbean"))
        author.heads = {"intel.caribbean": head}
        await made.bus.append(TOPIC, [author.message(key)])
        await bz.read()
        again = await decide(bz, Unsent.DISOWNED)
        await bz.relay.step()
        await read_all(made)

        assert again == 2
        assert await texts(bz) == ["alfa", "bravo", "charlie"]
        assert {"alfa", "bravo", "charlie"} <= set(await texts(gt))
        assert [entry.code for entry in await gt.store.read(quarantine.entries)] == ["grant_unlawful"]  # the forged one
        assert await bz.store.read(outbox.counts) == outbox.OutboxCounts(accepted=0, sealed=0, sent=0)


async def test_a_record_that_the_chain_refuses_is_a_finding_too(tmp_path: Path) -> None:
    """The thief came second: other nodes refuse the forged record, and the key is stolen all the same."""
    async with exchange(tmp_path, "BZ", "GT", community=world().community) as made:
        bz = made.nodes["BZ"]
        await publish(bz, "alfa")
        await bz.read()
        author, key = thief()
        await made.bus.append(TOPIC, [author.message(key)])
        await bz.read()
        refused = [entry.code for entry in await bz.store.read(quarantine.entries)]
        found = await findings(bz)
        await decide(bz, Unsent.DISOWNED)
        await publish(bz, "bravo")
        await read_all(made)

        assert refused == ["equivocation"]
        assert found == [("own_stream_foreign", "intel.caribbean", 1)]
        assert await texts(bz) == await texts(made.nodes["GT"]) == ["alfa", "bravo"]
        assert await findings(bz) == []


async def test_a_signed_record_that_cannot_be_read_is_a_finding_too(tmp_path: Path) -> None:
    """A header or a body that is malformed, or an unknown governance state: the batch is signed all the same."""
    writers: dict[str, Callable[[Author, AudienceKey], bytes]] = {
        "header": lambda author, key: author.message(key, expires_at=-1),
        "body": lambda author, _: author.grant(b"no grant"),
        "governance": lambda author, key: author.batch([author.sealed_leaf(key)], governance=7)[0],
    }
    for name, write in writers.items():
        (tmp_path / name).mkdir()
        async with exchange(tmp_path / name, "BZ", "GT", community=world().community) as made:
            bz = made.nodes["BZ"]
            value = write(*thief())
            stream = "keys" if name == "body" else "intel.caribbean"
            await made.bus.append(f"{stream}.bz", [value])
            await bz.read()
            found = await findings(bz)
            with pytest.raises(Unavailable):
                await publish(bz, "alfa")
            await decide(bz, Unsent.DISOWNED)
            await bz.relay.step()
            await read_all(made)

            assert found == [("own_stream_foreign", stream, 1)], name
            assert await texts(bz) == await texts(made.nodes["GT"]) == ["alfa"], name
            assert await findings(bz) == [], name


async def test_a_record_of_this_node_that_others_changed_is_no_finding(tmp_path: Path) -> None:
    """Anybody can copy a record of this node and damage it: that proves no theft, and stops nothing."""
    async with exchange(tmp_path, "BZ", "GT", community=world().community) as made:
        bz = made.nodes["BZ"]
        await publish(bz, "alfa")
        [sent] = [
            entry.value
            for answer in await made.bus.fetch({TOPIC: 0}, records_max=9, wait_seconds=0)
            for entry in answer.entries
        ]
        assert sent is not None
        damaged = [changed(sent, header=b"h"), changed(sent, content=b"c"), changed(sent, index=1), sent[:-1]]
        await made.bus.append(TOPIC, damaged)
        await read_all(made)
        await publish(bz, "bravo")
        await read_all(made)

        assert await findings(bz) == []
        assert await texts(made.nodes["GT"]) == ["alfa", "bravo"]


async def test_of_two_copies_of_a_node_the_one_that_came_second_loses_nothing_when_it_adopts(tmp_path: Path) -> None:
    """Both sealed the same sequences, in the streams of reports, grants and receipts."""
    async with exchange(tmp_path, "BZ", "GT", community=world().community) as made, AsyncExitStack() as stack:
        first, gt = made.nodes["BZ"], made.nodes["GT"]
        await publish(gt, "from GT")
        second = await made.add(stack, "BZ", store="second")
        for number, copy in enumerate((first, second), 1):
            await copy.read()
            await copy.accept([copy.draft(narrative={"text": f"by copy {number}", "language": "en"})])
            await copy.relay.seal(await copy.relay.look())
            made.clock.now += QUIET_MS
            await copy.receipt_sealer.step()
        await first.relay.step()
        await second.read()
        with pytest.raises(Unavailable):
            await second.relay.step()
        again = await decide(second, Unsent.ADOPTED)
        await second.store.close()
        second = await made.add(stack, "BZ", store="second")  # the daemon is started again
        made.clock.now += QUIET_MS
        await second.receipt_sealer.step()
        await second.relay.step()
        await read_all(made)
        await second.read()

        wanted = ["by copy 1", "by copy 2", "from GT"]
        assert again == 1
        assert await texts(gt) == await texts(second) == wanted
        assert await gt.store.read(quarantine.entries) == []
        assert await second.store.read(outbox.counts) == outbox.OutboxCounts(accepted=0, sealed=0, sent=0)
        assert await findings(second) == []


async def test_more_forged_records_than_a_node_keeps_are_read_again_when_it_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above the budget the position is noted; nothing of a restored node is lost that the log has."""
    monkeypatch.setattr(quotas, "LIMITS", {**quotas.LIMITS, Budget.REFUSED: Usage(2, 1 << 30)})
    async with exchange(tmp_path, "BZ", "GT", community=world().community) as made:
        bz = made.nodes["BZ"]
        await publish(bz, "alfa", "bravo", "charlie", "delta")
        await bz.store.close()
        async with AsyncExitStack() as stack:
            fresh = await made.add(stack, "BZ", store="fresh")
            await fresh.read()
            kept, codes = await held(fresh), {code for code, _, _ in await findings(fresh)}
            await decide(fresh, Unsent.ADOPTED)
            await fresh.read()

            assert [reason for reason, _ in kept] == ["foreign", "foreign"]
            assert codes == {"own_stream_foreign", "records_deferred"}
            assert await texts(fresh) == ["alfa", "bravo", "charlie", "delta"]
            assert await findings(fresh) == []


async def test_own_records_that_are_read_again_are_not_foreign(tmp_path: Path) -> None:
    """The log was replaced by a copy of itself, and an operator reads a topic again."""
    async with exchange(tmp_path, "BZ", "GT", community=world().community) as made:
        bz = made.nodes["BZ"]
        await publish(bz, "alfa")
        await bz.read()
        for topic in (TOPIC, "keys.bz"):
            bz.subscriber._positions[topic] = 0
        await bz.read()

        assert await findings(bz) == []
