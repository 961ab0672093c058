"""Own reports that are not settled: listed, withdrawn, and served again to parties that became entitled later."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from node.clock import now_ms
from node.commands.outbox import resend
from node.limits import DAY_MS
from node.runtime.home import open_home
from node.runtime.open_intake import open_intake
from node.runtime.open_node import open_node
from node.runtime.open_store import open_store
from node.store import own_reports, set_aside, stream_findings
from node.store.outbox import HeadMoved
from node.store.own_reports import SealedDraft
from node.store.set_aside import Obstacle
from tests.support.contract import cli
from tests.support.processes import agreement, lab, ok, publish, search_all


async def _step(homes: Sequence[Path]) -> None:
    for home in homes:
        async with open_node(open_home(home)) as node:
            await node.subscriber.start()
            for _ in range(2):
                while await node.subscriber.step(0):
                    pass
                await node.relay.step()


def step(*homes: Path) -> None:
    """Let each node read, seal, send and read back."""
    asyncio.run(_step(homes))


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Path]:
    """BZ may send to GT. MX becomes entitled when its agreement is installed."""
    return lab(tmp_path, ["BZ", "GT", "MX"], agreement("BZ-GT", ["BZ", "GT"]))


def entitle(homes: dict[str, Path], tmp_path: Path, code: str = "MX") -> None:
    """Sign and install an agreement of BZ with another node."""
    file = tmp_path / f"bz-{code}.toml"
    file.write_text(agreement(f"BZ-{code}", ["BZ", code]))
    ok("governance", "new", "agreement", file, home=homes["BZ"])
    signed = file.with_name(f"{file.name}.signed")
    for party in ("BZ", code):
        ok("governance", "sign", signed, home=homes[party])
    for home in homes.values():
        ok("governance", "install", signed, home=home)


def listed(home: Path) -> list[tuple[str, str]]:
    return [(row["report_id"], row["state"]) for row in ok("outbox", "list", home=home)]


def findings(home: Path) -> list[str]:
    return [found["code"] for found in ok("status", home=home)[0]["findings"]]


def test_a_party_that_becomes_entitled_later_gets_the_report_and_the_others_keep_theirs(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    """The second message is for the new party alone; receipts name both messages."""
    bz, gt, mx = homes["BZ"], homes["GT"], homes["MX"]
    [report_id] = publish(bz, "for Guatemala first")
    step(bz, gt, mx)
    before = search_all(mx)
    entitle(homes, tmp_path)
    [first] = ok("outbox", "resend", report_id, home=bz)
    [waits] = ok("outbox", "list", home=bz)
    step(bz, gt, mx, bz)
    [again] = ok("outbox", "resend", report_id, home=bz)
    [held] = search_all(mx)
    [kept] = search_all(gt)

    assert before == []
    assert (first["outcome"], first["audience"]) == ("resealed", ["MX"])
    assert (waits["state"], waits["audience"]) == ("accepted", ["MX"])
    assert held["report_id"] == kept["report_id"] == report_id
    assert held["message_id"] == first["message_id"] != kept["message_id"]
    assert again["outcome"] == "nothing"
    assert sorted(row["recipient"] for row in ok("receipts", report_id, home=bz)) == ["GT", "MX"]
    assert ok("db", "check", home=bz)[0]["findings"] == []
    assert publish_again(bz, "for Guatemala first") == "duplicate"


def publish_again(home: Path, text: str) -> str:
    import json

    from tests.support.exchange import report

    line = json.dumps(report(narrative={"text": text, "language": "en"})).encode()
    [answer] = ok("publish", "-", home=home, data=line)
    outcome: str = answer["outcome"]
    return outcome


def test_all_own_reports_are_served_to_one_party(homes: dict[str, Path], tmp_path: Path) -> None:
    bz, mx = homes["BZ"], homes["MX"]
    with patch("node.commands.outbox.REPORTS_IN_TRANSACTION_MAX", 2):
        published = publish(bz, "one", "two", "three")
        step(bz)
        entitle(homes, tmp_path)
        done = ok("outbox", "resend", "--all", "--to", "mx", home=bz)
        step(bz, mx)

    assert [row["outcome"] for row in done] == ["resealed"] * 3
    assert sorted(row["report_id"] for row in search_all(mx)) == sorted(published)
    assert cli("outbox", "resend", "--all", "--to", "CO", home=bz).error["code"] == "node_unknown"


def test_an_expired_report_is_not_served_again(homes: dict[str, Path], tmp_path: Path) -> None:
    bz = homes["BZ"]
    [report_id] = publish(bz, "one")
    step(bz)
    entitle(homes, tmp_path)
    later = now_ms() + 3 * 365 * DAY_MS

    async def ask() -> str:
        async with open_intake(open_home(bz), now=lambda: later) as intake:
            [done] = await resend(intake, [report_id])
            return done.outcome

    assert asyncio.run(ask()) == "expired"


def test_what_is_not_sealed_is_withdrawn_and_may_be_handed_in_again(homes: dict[str, Path]) -> None:
    bz = homes["BZ"]
    first, second = publish(bz, "one", "two")
    [gone] = ok("outbox", "withdraw", first, home=bz)
    left = listed(bz)
    step(bz)
    [entry] = [row for row in ok("access", "list", home=bz) if row["operation"] == "ERASURE"]

    assert gone["report_id"] == entry["subject"] == first
    assert left == [(second, "accepted")]
    assert [row["report_id"] for row in search_all(bz)] == [second]
    assert ok("status", home=bz)[0]["outbox"] == {"accepted": 0, "sealed": 0, "sent": 0}
    assert publish(bz, "one") == [first]


def test_what_is_sealed_or_unknown_is_not_withdrawn_and_nothing_else_either(homes: dict[str, Path]) -> None:
    bz = homes["BZ"]
    [sealed] = publish(bz, "one")
    step(bz)
    [waiting] = publish(bz, "two")
    refused = cli("outbox", "withdraw", waiting, sealed, home=bz)
    unknown = cli("outbox", "withdraw", waiting, "6f1d0f2e-3a64-4c1b-9d0e-5b7a4c2e8f11", home=bz)

    assert (refused.exit, refused.error["code"], refused.error["path"]) == (1, "already_sealed", "ID")
    assert (unknown.exit, unknown.error["code"]) == (1, "not_found")
    assert listed(bz) == [(waiting, "accepted")]
    assert cli("outbox", "resend", home=bz).error["code"] == "usage"


def test_a_draft_that_was_withdrawn_while_it_was_sealed_is_not_sent(homes: dict[str, Path]) -> None:
    """The daemon read the draft before; its transaction fails, and it looks again."""
    bz = homes["BZ"]
    [report_id] = publish(bz, "one")

    async def race() -> None:
        async with open_node(open_home(bz)) as node:
            await node.subscriber.start()
            while await node.subscriber.step(0):
                pass
            seen = await node.relay.look()
            ok_ = await asyncio.to_thread(cli, "outbox", "withdraw", report_id, home=bz)
            assert ok_.exit == 0
            assert await node.relay.seal(seen) == []
            with pytest.raises(HeadMoved):
                await node.store.write(lambda db: own_reports.mark_sealed(db, {1: SealedDraft(1, ())}))
            await node.relay.step()

    asyncio.run(race())

    assert search_all(bz) == []
    assert listed(bz) == []


def test_an_audience_that_shrinks_after_the_answer_is_a_finding_until_an_operator_decides(
    homes: dict[str, Path],
) -> None:
    """The agreement was removed between the answer and the sealing."""
    bz, gt = homes["BZ"], homes["GT"]
    [report_id] = publish(bz, "for Guatemala")
    [document] = (bz / "documents").glob("agreement-*")
    kept = document.read_bytes()
    document.unlink()
    step(bz, gt)
    [missed] = ok("outbox", "list", home=bz)
    standing, problems = findings(bz), ok("status", home=bz)[0]["problems"]
    document.write_bytes(kept)
    [done] = ok("outbox", "resend", report_id, home=bz)
    step(bz, gt)

    assert (missed["state"], missed["missed"], missed["audience"]) == ("missed", ["GT"], [])
    assert standing == ["audience_narrowed"]
    assert "audience_narrowed" in {problem["code"] for problem in problems}
    assert (done["outcome"], done["audience"]) == ("resealed", ["GT"])
    assert findings(bz) == []
    assert [row["report_id"] for row in search_all(gt)] == [report_id]


def test_an_operator_may_accept_a_smaller_audience(homes: dict[str, Path]) -> None:
    bz = homes["BZ"]
    [report_id] = publish(bz, "for Guatemala")
    for document in (bz / "documents").glob("agreement-*"):
        document.unlink()
    step(bz)
    [done] = ok("outbox", "resend", report_id, home=bz)

    assert done["outcome"] == "nothing"
    assert findings(bz) == []
    assert listed(bz) == []


def test_a_draft_that_was_set_aside_is_sealed_after_resend(homes: dict[str, Path]) -> None:
    bz = homes["BZ"]
    [report_id] = publish(bz, "one")

    async def put_aside() -> None:
        async with open_store(open_home(bz)) as store:
            await store.write(lambda db: set_aside.put(db, {1: Obstacle(code="draft_damaged", reason="why")}, 1))

    asyncio.run(put_aside())
    [aside] = ok("outbox", "list", home=bz)
    [done] = ok("outbox", "resend", report_id, home=bz)
    step(bz)

    assert (aside["state"], aside["code"], aside["reason"]) == ("set_aside", "draft_damaged", "why")
    assert done["outcome"] == "restored"
    assert [row["report_id"] for row in search_all(bz)] == [report_id]
    assert "draft_set_aside" not in findings(bz)


def test_what_is_on_its_way_is_listed_with_its_state(homes: dict[str, Path]) -> None:
    """Sealed and not sent, then sent and not read back."""
    bz = homes["BZ"]
    [report_id] = publish(bz, "one")
    states: list[Any] = []

    async def seal() -> None:
        async with open_node(open_home(bz)) as node:
            await node.subscriber.start()
            await node.subscriber.step(0)
            await node.relay.seal(await node.relay.look())
            states.append(await asyncio.to_thread(listed, bz))
            await node.relay.step()
            await node.relay.record_acknowledgements()
            states.append(await asyncio.to_thread(listed, bz))
            assert await node.store.read(stream_findings.standing) == []

    asyncio.run(seal())
    [waits] = ok("outbox", "resend", report_id, home=bz)

    assert states == [[(report_id, "sealed")], [(report_id, "sent")]]
    assert waits["outcome"] == "waiting"
