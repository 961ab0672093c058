"""After an upgrade a node looks again, by itself, at what the earlier version could not read."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from unittest.mock import patch

import pytest

from node.exchange import retry_after_upgrade as upgrade
from node.exchange.retry import RetriedRecord, retry_quarantined
from node.exchange.retry_after_upgrade import retry_after_upgrade
from node.store import message_search, noted_knowledge
from node.store.message_search import Query
from node.undecided import quarantine
from schemas import knowledge
from schemas.types import IntelligenceReport
from tests.node.sending.test_seal_receipts import read_all, receipts_kept, tell
from tests.support.code_lists import code_lists_without
from tests.support.community import Community, clause
from tests.support.exchange import Exchange, TestNode, exchange

NEW = "CONTRABAND"
OLD = "DRUG_TRAFFICKING"


async def after_upgrade(node: TestNode, *, stopped: bool = False) -> int:
    """What a daemon does at its start."""
    return await retry_after_upgrade(
        node.store, lambda: node.judge, digest=knowledge.digest(), clock=node.clock, stopped=lambda: stopped
    )


async def refused(node: TestNode) -> list[str]:
    """The codes in quarantine."""
    return [entry.code for entry in await node.store.read(quarantine.entries)]


async def subjects(node: TestNode) -> list[tuple[str, ...]]:
    """The subjects of the reports that a node holds."""
    return [
        cast(IntelligenceReport, message.report).subjects
        for message in await node.store.read(lambda db: message_search.search(db, Query()))
    ]


async def noted(node: TestNode) -> bytes | None:
    return await node.store.read(noted_knowledge.digest)


@asynccontextmanager
async def one_country_ahead(folder: Path, *, reports: int = 1) -> AsyncIterator[Exchange]:
    """BZ uses a subject code that GT's version does not have; the agreement names it, too."""
    community = Community(("BZ", "GT"))
    community.agreement("BZ-GT", ("BZ", "GT"), clause(("BZ",), ("GT",), subjects=(NEW, OLD)))
    async with exchange(folder, "BZ", "GT", community=community) as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        for number in range(reports):
            await bz.publish(subjects=[NEW], legal_basis=f"Case {number}")
        await bz.publish(subjects=[OLD])
        with code_lists_without(folder / "codes", subjects=NEW):
            await after_upgrade(gt)
            await gt.read()
        yield made


async def test_a_report_with_a_new_code_is_kept_until_the_upgrade_and_then_stored(tmp_path: Path) -> None:
    """The agreement that names the new code is in force for the old reader as well: the other report is stored."""
    async with one_country_ahead(tmp_path) as made:
        bz, gt = made.nodes["BZ"], made.nodes["GT"]
        before = (await refused(gt), await subjects(gt))
        await tell(made)
        await read_all(made)
        receipts_before = await receipts_kept(bz)
        looked_at = await after_upgrade(gt)
        await tell(made)
        await read_all(made)
        receipts_after = (await receipts_kept(bz))[len(receipts_before) :]

        assert before == (["payload_code_unknown"], [(OLD,)])
        assert (looked_at, await refused(gt)) == (1, [])
        assert sorted(await subjects(gt)) == [(NEW,), (OLD,)]
        assert bytes([14]) in [outcomes for _, _, outcomes in receipts_before]
        assert [(recipient, outcomes) for recipient, _, outcomes in receipts_after] == [("GT", bytes([64]))]


async def test_a_start_without_an_upgrade_looks_at_nothing(tmp_path: Path) -> None:
    async with one_country_ahead(tmp_path) as made:
        gt = made.nodes["GT"]
        with code_lists_without(tmp_path / "codes", subjects=NEW):
            digest, looked_at = knowledge.digest(), await after_upgrade(gt)

        assert (await noted(gt), looked_at) == (digest, 0)
        assert await refused(gt) == ["payload_code_unknown"]


async def test_what_is_still_not_known_stays_and_is_looked_at_after_the_next_upgrade(tmp_path: Path) -> None:
    """The version between knows more, but not this code."""
    async with one_country_ahead(tmp_path) as made:
        gt = made.nodes["GT"]
        with code_lists_without(tmp_path / "between", subjects=NEW, urgency="NORMAL"):
            between = await after_upgrade(gt), await refused(gt)
        last = await after_upgrade(gt), await refused(gt)

        assert between == (1, ["payload_code_unknown"])
        assert last == (1, [])


async def test_a_store_that_an_earlier_build_used_has_unknown_codes_under_payload_malformed(tmp_path: Path) -> None:
    """Nothing is noted in it, so such records are looked at as well."""
    async with one_country_ahead(tmp_path) as made:
        gt = made.nodes["GT"]
        await gt.store.write(lambda db: db.exec_driver_sql("UPDATE quarantine SET code = 'payload_malformed'"))
        await gt.store.write(lambda db: db.exec_driver_sql("DELETE FROM knowledge"))

        assert await after_upgrade(gt) == 1
        assert await refused(gt) == []


async def test_a_large_quarantine_is_looked_at_in_small_transactions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    async def counted(store: object, judge: object, ids: Sequence[str], **rest: object) -> list[RetriedRecord]:
        sizes.append(len(ids))
        return await retry_quarantined(store, judge, ids, **rest)  # type: ignore[arg-type]

    async with one_country_ahead(tmp_path, reports=5) as made:
        monkeypatch.setattr(upgrade, "QUARANTINED_IN_TRANSACTION_MAX", 2)
        with patch.object(upgrade, "retry_quarantined", counted):
            looked_at = await after_upgrade(made.nodes["GT"])

        assert (looked_at, sizes) == (5, [2, 2, 1])
        assert await refused(made.nodes["GT"]) == []


async def test_a_daemon_that_is_stopped_meanwhile_goes_on_at_its_next_start(tmp_path: Path) -> None:
    """The digest is noted only at the end."""
    async with one_country_ahead(tmp_path) as made:
        gt = made.nodes["GT"]
        before = await noted(gt)
        stopped = await after_upgrade(gt, stopped=True)

        assert (stopped, await noted(gt), await refused(gt)) == (0, before, ["payload_code_unknown"])
        assert await after_upgrade(gt) == 1
        assert await refused(gt) == []
