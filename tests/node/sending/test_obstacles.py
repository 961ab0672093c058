"""A draft that cannot be sealed is set aside: the drafts around it are sent, and it is kept with the reason."""

from pathlib import Path

import pytest
from sqlalchemy import update

from node.database.outgoing_tables import draft
from node.errors import Unavailable
from node.stages import Draft
from node.store import message_search, outbox, set_aside
from node.store.message_search import Query
from tests.support.community import T0, Community
from tests.support.exchange import TestNode, exchange


async def three_drafts(node: TestNode) -> tuple[list[str], Draft]:
    """Accept three reports; the second one is damaged in the store. Returns it as it was."""
    made = [node.draft(narrative={"text": f"Report {number}.", "language": "en"}) for number in range(3)]
    answers = await node.accept(made)
    damaged = (
        update(draft).where(draft.c.report_id == answers[1].report_id).values(payload=b"\xc3\x01nonsense", labels=None)
    )
    await node.store.write(lambda db: db.execute(damaged))
    return [answer.report_id for answer in answers], made[1]


async def held(node: TestNode) -> list[str]:
    return [message.report_id for message in await node.store.read(lambda db: message_search.search(db, Query()))]


async def test_a_draft_that_cannot_be_sealed_stops_no_other(tmp_path: Path) -> None:
    """It stays accepted, so `drained` is not reached, and it is sealed after an operator has taken it back."""
    async with exchange(tmp_path, "BZ", "GT") as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        (first, second, third), whole = await three_drafts(bz)
        await bz.relay.step()
        await gt.read()
        [aside] = await bz.store.read(set_aside.drafts)
        counts = await bz.store.read(outbox.counts)

        assert await held(gt) == [first, third]
        assert (aside.report_id, aside.code, aside.region) == (second, "draft_damaged", "caribbean")
        assert counts.accepted == 1

        mended = update(draft).where(draft.c.report_id == second).values(payload=whole.payload)
        await bz.store.write(lambda db: db.execute(mended))
        await bz.store.write(lambda db: set_aside.take_back(db, [aside.id]))
        await bz.relay.step()
        await gt.read()
        assert await held(gt) == [first, third, second]


async def test_a_node_whose_documents_have_ended_sets_nothing_aside(tmp_path: Path) -> None:
    """Every draft waits for a new NODE document; then all are sent. The damaged draft is found then."""
    community = Community(["BZ", "GT"])
    community.agreement("ALL", ["BZ", "GT"])
    async with exchange(tmp_path, "BZ", "GT", community=community) as made:
        bz = made.nodes["BZ"]
        await three_drafts(bz)
        now, made.clock.now = made.clock.now, T0 + 400 * 86_400_000  # before the retention of the reports ends
        with pytest.raises(Unavailable) as refused:
            await bz.relay.step()
        none = await bz.store.read(set_aside.drafts)
        made.clock.now = now
        await bz.relay.step()

        assert refused.value.code == "sealing_refused"
        assert none == []
        assert len(await bz.store.read(set_aside.drafts)) == 1
