"""The path of a message from draft to store, in one process."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from node.database.access_tables import access_log
from node.store import counters, message_search, outbox
from node.store.message_search import Query
from node.store.outbox import OutboxCounts
from tests.support.community import Community, clause
from tests.support.exchange import Exchange, TestNode, exchange


async def held(node: TestNode) -> list[str]:
    return [held.report_id for held in await node.store.read(lambda db: message_search.search(db, Query()))]


async def counts(node: TestNode) -> dict[str, int]:
    return {
        name: value for name, value in await node.store.read(lambda db: counters.counts(db).by_name.items()) if value
    }


async def read_all(made: Exchange) -> None:
    for node in made.nodes.values():
        await node.read()


async def test_a_report_of_one_node_is_found_at_another(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        answer = await made.nodes["BZ"].publish()
        await read_all(made)
        [found] = await made.nodes["GT"].store.read(lambda db: message_search.search(db, Query(texts=("GO-FAST",))))

        assert answer.outcome == "accepted"
        assert found.report_id == answer.report_id
        assert found.message_id == answer.message_id
        assert found.originator == "BZ"


async def test_the_originator_holds_its_own_and_its_outbox_is_empty_afterwards(tmp_path: Path) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        answer = await bz.publish()
        await bz.read()
        left = await bz.store.read(outbox.counts)

        assert await held(bz) == [answer.report_id]
        assert left == OutboxCounts(accepted=0, sealed=0, sent=0)


async def test_a_node_that_no_agreement_admits_gets_nothing(tmp_path: Path) -> None:
    community = Community(("BZ", "GT", "MX"))
    community.agreement("BZ-GT", ("BZ", "GT"))
    async with exchange(tmp_path, "BZ", "GT", "MX", community=community) as made:
        answer = await made.nodes["BZ"].publish()
        await read_all(made)

        assert answer.addressed is not None
        assert list(answer.addressed.admitted) == ["GT"]
        assert [refusal.recipient for refusal in answer.addressed.refusals] == ["MX"]
        assert await held(made.nodes["MX"]) == []
        assert (await counts(made.nodes["MX"]))["not_addressed"] == 1


async def test_two_audiences_of_one_batch_have_two_keys(tmp_path: Path) -> None:
    community = Community(("BZ", "GT", "MX"))
    community.agreement("BZ-GT", ("BZ", "GT"), clause(["BZ"], ["GT"], subjects=("DRUG_TRAFFICKING",)))
    community.agreement("BZ-MX", ("BZ", "MX"), clause(["BZ"], ["MX"], subjects=("CONTRABAND",)))
    async with exchange(tmp_path, "BZ", "GT", "MX", community=community) as made:
        bz = made.nodes["BZ"]
        drafts = [bz.draft(), bz.draft(subjects=["CONTRABAND"])]
        answers = await bz.accept(drafts)
        await bz.relay.step()
        await read_all(made)

        assert await held(made.nodes["GT"]) == [answers[0].report_id]
        assert await held(made.nodes["MX"]) == [answers[1].report_id]
        assert len(await held(bz)) == 2


async def test_a_message_that_is_read_before_its_grant_waits_and_is_stored_when_the_grant_comes(
    tmp_path: Path,
) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        gt = made.nodes["GT"]
        answer = await made.nodes["BZ"].publish()
        keys = gt.subscriber.places.pop("keys.bz")
        await gt.subscriber.start()
        await gt.read()
        waiting = await counts(gt)
        gt.subscriber.places["keys.bz"] = keys
        await gt.subscriber.start()
        await gt.read()

        assert waiting == {"waiting": 1}
        assert await held(gt) == [answer.report_id]
        assert "waiting" not in await counts(gt)


@pytest.mark.parametrize("times", [1, 3])
async def test_bytes_that_come_again_are_counted_and_change_nothing(tmp_path: Path, times: int) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        gt = made.nodes["GT"]
        answer = await made.nodes["BZ"].publish()
        [fetched] = await made.bus.fetch({"intel.caribbean.bz": 0}, records_max=10, wait_seconds=0)
        for _ in range(times):
            await made.bus.append("intel.caribbean.bz", [entry.value or b"" for entry in fetched.entries])
        await gt.read()

        assert await held(gt) == [answer.report_id]
        assert (await counts(gt))["duplicate"] == times


async def test_the_access_log_names_the_actor_of_each_acceptance_and_the_node_for_each_disclosure(
    tmp_path: Path,
) -> None:
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz = made.nodes["BZ"]
        [first] = await bz.publisher.accept([bz.draft()], actor="ana")
        [second] = await bz.publisher.accept([bz.draft(narrative={"text": "another", "language": "en"})], actor="ben")
        await bz.publisher.accept([bz.draft()], actor="eve")  # a duplicate: nothing was collected
        await bz.relay.step()
        entries = await bz.store.read(lambda db: db.execute(select(access_log).order_by(access_log.c.id)).all())

        assert [(entry.operation, entry.actor, entry.subject) for entry in entries] == [
            ("COLLECTION", "ana", first.report_id),
            ("COLLECTION", "ben", second.report_id),
            ("DISCLOSURE", "BZ", first.report_id),
            ("DISCLOSURE", "BZ", second.report_id),
        ]


async def test_two_originators_with_one_message_id_are_both_known(tmp_path: Path) -> None:
    """A message id of another originator can be read in the log and used again. It takes over no reference."""
    same = bytes(range(16))
    async with exchange(tmp_path, "BZ", "GT", "MX") as made:
        for code in ("MX", "BZ"):
            node = made.nodes[code]
            node.publisher = replace(node.publisher, random=lambda _: same)
            await node.publish()
        await read_all(made)
        known = await made.nodes["GT"].store.read(lambda db: message_search.originators(db, [same, bytes(16)]))

        assert known == {same: {"BZ", "MX"}}
