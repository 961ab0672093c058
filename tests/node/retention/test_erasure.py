"""node/retention: what has expired is in no answer, and within a day nothing of its content is in the store."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from sqlalchemy import select, text

from node.commands.check import check
from node.commands.justification import Justification
from node.commands.search import query_of, search
from node.commands.show import show
from node.database.engine import Transaction
from node.database.outgoing_tables import draft
from node.database.record_tables import identifier, message, message_subject, message_text, pending, quarantine
from node.errors import Rejected, UsageError
from node.integrity.check_store import StoreCheck, check_store
from node.limits import DAY_MS
from node.reports.questions import Question
from node.retention.eraser import Eraser, safe_time
from node.store import access_log, counters, messages, outbox
from node.store.access_log import EntryFilter
from node.undecided import quarantine_retry
from node.verification.erased_records import without_content
from node.verification.verify import check_content, check_framing
from tests.support.bed import Bed, bed
from tests.support.contract import cli, ok, step
from tests.support.exchange import Exchange, TestNode, exchange
from tests.support.processes import agreement, lab, publish
from tests.support.records import AudienceKey, changed, parts

LAST_DAY = "2026-01-10"
WORDS = "Ranguanasecret"
WHY = Justification(purpose="INFORMATION_EXCHANGE", reason="Request of the data subject")
EVERYTHING = query_of(since=None, limit=100, after=None)
NAMED = Question(scheme="NAME", value="SEA TEST", country=None)


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Exchange]:
    """BZ sent one report that ends soon, and one that does not. GT has both."""
    async with exchange(tmp_path, "BZ", "GT") as opened:
        bz, gt = opened.nodes["BZ"], opened.nodes["GT"]
        await bz.publish(retain_until=LAST_DAY, narrative={"text": f"{WORDS} go-fast", "language": "en"})
        await bz.publish(retain_until="2030-06-30")
        for node in (bz, gt):
            await node.read()
        yield opened


def eraser(node: TestNode, **options: Any) -> Eraser:
    return Eraser(store=node.store, node=node.code, clock=node.clock, **options)


async def erased_later(node: TestNode) -> int:
    """Let the time pass, and erase."""
    node.clock.now += 400 * DAY_MS
    return await eraser(node).step()


async def rows(node: TestNode, statement: Any) -> list[Any]:
    return await node.store.read(lambda db: list(db.execute(statement)))


async def checked(node: TestNode) -> StoreCheck:
    return await node.store.read(lambda db: check_store(db, node.code))


async def entries(node: TestNode) -> list[tuple[str, str, str]]:
    """Operation, actor and subject of the erasures in the access log."""
    found = await node.store.read(lambda db: access_log.entries(db, after=0, limit=100))
    return [(entry.operation, entry.actor, entry.subject) for entry in found if entry.operation == "ERASURE"]


async def test_an_expired_report_is_in_no_answer(made: Exchange) -> None:
    """It is not erased yet. Its own originator does not see it either."""
    for node in made.nodes.values():
        [ended, _] = await rows(node, select(message).order_by(message.c.expires_at))
        [found] = await search(node.store, EVERYTHING, actor="ana")
        by_words = query_of([WORDS], (), ["BZ"], since=None, limit=100, after=None)
        [shown] = await show(node.store, ended.report_id, actor="ana")
        now = (ended.expires_at + 1) if node.clock() < ended.expires_at else node.clock()
        [answer] = await check(node.store, [NAMED], why=WHY, actor="ana", now_ms=now)

        assert found.report_id != ended.report_id
        assert await search(node.store, by_words, actor="ana") == []
        assert (shown.report, shown.report_id, shown.decision.outcome) == (None, None, "withheld")
        assert "retention ended 2026-01-11" in shown.decision.reason
        assert [match.report_id for match in answer.matches] == [found.report_id]


async def test_a_data_protection_officer_sees_it_until_it_is_erased_and_the_access_log_keeps_it(
    made: Exchange,
) -> None:
    gt = made.nodes["GT"]
    found = await search(gt.store, EVERYTHING, actor="dpo", why=WHY, include_expired=True)
    [shown] = await show(gt.store, found[0].report_id, actor="dpo", why=WHY, include_expired=True)
    wanted = EntryFilter(actor="dpo")
    logged = await gt.store.read(lambda db: access_log.entries(db, wanted=wanted, after=0, limit=100))
    await erased_later(gt)
    left = await search(gt.store, EVERYTHING, actor="dpo", why=WHY, include_expired=True)
    [after] = await show(gt.store, found[0].report_id, actor="dpo", why=WHY, include_expired=True)

    assert (len(found), len(left)) == (2, 1)
    assert shown.report is not None
    assert {entry.purpose for entry in logged} == {WHY.purpose}
    assert ["include_expired" in (entry.query or "") or "expired" in entry.detail for entry in logged] == [True] * 3
    assert after.report is None
    assert "its content was erased" in after.decision.reason


@pytest.mark.parametrize("why", [Justification(), Justification(purpose=WHY.purpose), Justification(reason=WHY.reason)])
async def test_expired_reports_need_a_purpose_and_a_reason(why: Justification, made: Exchange) -> None:
    gt = made.nodes["GT"]
    for asked in (
        search(gt.store, EVERYTHING, actor="dpo", why=why, include_expired=True),
        show(gt.store, str(UUID(int=0)), actor="dpo", why=why, include_expired=True),
    ):
        with pytest.raises(UsageError) as caught:
            await asked

        assert caught.value.code == "purpose_missing"


async def test_an_erasure_leaves_the_evidence_and_nothing_of_the_content(made: Exchange) -> None:
    for node in made.nodes.values():
        [before] = await rows(node, select(message).where(message.c.expires_at < 1_800_000_000_000))
        assert await eraser(node).step() == 0
        made.clock.now += 400 * DAY_MS
        assert await eraser(node).step() == 1
        made.clock.now -= 400 * DAY_MS
        [row] = await rows(node, select(message).where(message.c.id == before.id))
        counted = await node.store.read(counters.counts)

        assert (row.payload, row.record) == (b"", without_content(before.record))
        sealed = check_framing(row.record)
        assert (sealed.content, sealed.content_hash) == (b"", parts(before.record).content_hash)
        assert (row.message_id, row.sequence, row.report_id) == (before.message_id, before.sequence, before.report_id)
        for table in (identifier, message_subject, message_text):
            assert await rows(node, select(table).where(table.c.message == before.id)) == []
            assert len(await rows(node, select(table))) > 0
        assert await entries(node) == [("ERASURE", node.code, str(UUID(bytes=row.message_id)))]
        assert (await node.store.read(messages.count), counted.other["erased"]) == (1, 1)
        assert (await checked(node)).findings == ()


async def test_nothing_of_an_erased_report_is_left_in_the_files_of_the_store(made: Exchange, tmp_path: Path) -> None:
    """Neither in free pages, nor in the full-text index, nor in the journal."""
    gt = made.nodes["GT"]
    words = [WORDS.encode(), WORDS.lower().encode(), WORDS.lower()[:8].encode()]
    files = [tmp_path / "gt.db", tmp_path / "gt.db-wal"]
    here = b"".join(file.read_bytes() for file in files if file.exists())
    await erased_later(gt)
    left = b"".join(file.read_bytes() for file in files if file.exists())

    assert WORDS.encode() in here
    assert [word for word in words if word in left] == []


async def test_an_erased_record_has_no_content_and_a_record_without_its_erasure_is_found(made: Exchange) -> None:
    """`db check`: content is missing only where it was erased, and there it must be missing."""
    gt = made.nodes["GT"]
    await erased_later(gt)
    [row] = await rows(gt, select(message).where(message.c.erased_at.is_not(None)))
    with pytest.raises(Rejected):
        check_content(check_framing(row.record))

    async def found(change: str) -> set[str]:
        await gt.store.write(lambda db: db.execute(text(change)))
        return set((await checked(gt)).counts)

    assert await found("UPDATE message SET payload = x'61' WHERE erased_at IS NOT NULL") >= {"payload_differs"}
    assert await found("UPDATE message SET payload = x'', erased_at = NULL WHERE erased_at IS NOT NULL") >= {
        "record_differs"
    }


async def test_a_record_that_comes_again_after_its_erasure_changes_nothing(made: Exchange) -> None:
    gt = made.nodes["GT"]
    [row] = await rows(gt, select(message.c.record).where(message.c.sequence == 1))
    await erased_later(gt)
    await made.bus.append("intel.caribbean.bz", [row.record])
    await gt.read()
    [after] = await rows(gt, select(message).where(message.c.sequence == 1))

    assert after.payload == b""
    assert (await gt.store.read(counters.counts)).duplicate == 1
    assert (await checked(gt)).findings == ()


async def test_a_report_that_expires_before_it_is_sealed_is_erased_and_never_sent(made: Exchange) -> None:
    bz = made.nodes["BZ"]
    [answer] = await bz.accept([bz.draft(retain_until=LAST_DAY, narrative={"text": WORDS, "language": "en"})])
    bz.clock.now += 400 * DAY_MS
    sent = await bz.relay.step()
    await eraser(bz).step()
    [row] = await rows(bz, select(draft).where(draft.c.message_id == answer.message_id))
    [again] = await bz.accept([bz.draft(report_id=answer.report_id, retain_until="2030-06-30")])

    assert sent == 0
    assert (row.payload, row.labels, row.terms, row.sequence, row.set_aside_code) == (None, None, None, None, "expired")
    assert (await bz.store.read(outbox.counts)).drained
    assert ("ERASURE", "BZ", answer.report_id) in await entries(bz)
    assert again.outcome == "refused"
    assert (await checked(bz)).findings == ()


async def test_a_draft_of_an_earlier_version_is_erased_by_what_its_payload_says(made: Exchange) -> None:
    bz = made.nodes["BZ"]
    await bz.accept([bz.draft(retain_until=LAST_DAY)])
    await bz.store.write(lambda db: db.execute(text("UPDATE draft SET expires_at = NULL")))
    bz.clock.now += 400 * DAY_MS
    await eraser(bz).step()

    assert await rows(bz, select(draft.c.id).where(draft.c.payload.is_not(None))) == []


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Bed]:
    async with bed(tmp_path) as opened:
        yield opened


async def test_a_record_that_expires_while_it_waits_is_withheld_and_its_bytes_are_deleted(scene: Bed) -> None:
    gt, waiting = scene.gt, scene.bz.message(AudienceKey.new(scene.bz, grant=7))
    await scene.read(waiting)
    [before] = await rows(gt, select(pending))
    gt.clock.now = before.due_at - 1
    await gt.subscriber.retry_due()
    kept = await rows(gt, select(pending))
    gt.clock.now += 1
    await gt.subscriber.retry_due()
    await scene.read(waiting)

    assert before.outcome == "waiting"
    assert len(kept) == 1
    assert await rows(gt, select(pending)) == []
    assert await scene.counts() == {"withheld": 1, "duplicate": 1, "erased": 1, "verified_KEY_GRANT": 1}
    assert await entries(gt) == [("ERASURE", "GT", str(UUID(bytes=before.message_id)))]
    assert (await checked(gt)).findings == ()


async def test_a_refused_record_keeps_everything_but_its_content(scene: Bed) -> None:
    """Its row stays in its budget, and it is not verified again without its content."""
    gt, value = scene.gt, scene.bz.message(scene.key)
    refused = changed(value, signature=bytes(64))
    await scene.read(refused, b"junk")
    made_ids = await gt.store.read(quarantine_retry.ids)
    gt.clock.now += 4000 * DAY_MS
    erased = await eraser(gt).step()
    await scene.read(refused)
    found = await rows(gt, select(quarantine).order_by(quarantine.c.position))

    assert (len(made_ids), erased) == (2, 1)
    assert [row.value for row in found] == [without_content(refused), b"junk"]
    assert [row.budget for row in found] == ["forgeable"] * 2
    assert found[0].size == len(refused)
    assert await gt.store.read(quarantine_retry.ids) == [found[1].id]
    assert await entries(gt) == [("ERASURE", "GT", "")]
    assert sorted(kept.entry.purged for kept in await scene.quarantine()) == [False, True]


async def test_an_expired_record_that_is_held_without_a_signature_is_dropped(scene: Bed) -> None:
    fork = scene.bz.fork()
    await scene.read(fork.batch([fork.sealed_leaf(scene.key)], governance=7, key_id=bytes(32))[0])
    before = await rows(scene.gt, select(pending))
    scene.gt.clock.now += 4000 * DAY_MS
    await eraser(scene.gt).step()

    assert [row.outcome for row in before] == ["held"]
    assert await rows(scene.gt, select(pending)) == []


async def test_nothing_is_erased_while_the_clock_is_implausible(made: Exchange) -> None:
    """Only what has expired at a time that has passed for certain."""
    gt, [ended] = (
        made.nodes["GT"],
        await rows(made.nodes["GT"], select(message.c.expires_at).order_by(message.c.expires_at).limit(1)),
    )
    gt.clock.now += 400 * DAY_MS

    async def before(_now: int) -> int:
        return int(ended.expires_at) - 1

    done = await eraser(gt, safe_time=before).step()

    assert done == 0
    assert await entries(gt) == []
    assert await eraser(gt, safe_time=_same).step() == 1


async def _same(now: int) -> int:
    return now


@pytest.mark.parametrize("plausible", [True, False, None])
async def test_without_a_plausible_clock_time_passes_a_day_beyond_what_others_signed(
    plausible: bool | None, made: Exchange
) -> None:
    """A report that ended within that day is erased also then."""
    gt, sealed_at = made.nodes["GT"], made.clock()

    async def answer(_now: int) -> bool:
        return bool(plausible)

    later = sealed_at + 400 * DAY_MS
    safe = await safe_time(gt.store, "GT", None if plausible is None else answer)(later)

    assert safe == (later if plausible else sealed_at + DAY_MS)
    assert await safe_time(gt.store, "GT")(sealed_at) == sealed_at


async def test_many_messages_are_erased_in_several_transactions(made: Exchange) -> None:
    gt = made.nodes["GT"]
    for number in range(5):
        await made.nodes["BZ"].publish(retain_until=LAST_DAY, narrative={"text": f"Boat {number}", "language": "en"})
    await gt.read()
    with patch("node.retention.eraser.ERASED_TOGETHER_MAX", 2):
        assert await erased_later(gt) == 6

    assert (await checked(gt)).findings == ()


async def test_index_rows_that_a_payload_does_not_explain_are_deleted_too(made: Exchange) -> None:
    """Another version may have derived other terms, and a damaged payload gives none."""
    gt = made.nodes["GT"]

    def damage(db: Transaction) -> None:
        db.execute(text("UPDATE identifier SET value = 'OTHER' WHERE message = 1"))
        db.execute(text("UPDATE message SET payload = x'00' WHERE id = 1"))

    await gt.store.write(damage)
    await erased_later(gt)

    assert await rows(gt, select(identifier).where(identifier.c.message == 1)) == []
    assert await rows(gt, select(message_subject).where(message_subject.c.message == 1)) == []


def test_a_restored_backup_brings_nothing_back(tmp_path: Path) -> None:
    """A backup from before the erasure has the content; `restore` erases it."""
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    publish(homes["BZ"], WORDS)
    step(*homes.values())
    with closing(sqlite3.connect(homes["GT"] / "store.db")) as db:
        db.execute("UPDATE message SET expires_at = 1700000000000")
        db.commit()
    ok("backup", tmp_path / "gt.backup", "--with-keys", home=homes["GT"])
    homes["GT"].rename(tmp_path / "lost")
    ok("restore", tmp_path / "gt.backup", home=homes["GT"])
    with closing(sqlite3.connect(homes["GT"] / "store.db")) as db:
        found = db.execute("SELECT length(payload), erased_at > 0 FROM message").fetchall()

    assert found == [(0, 1)]
    assert ok("search", "--all", home=homes["GT"]) == []


def test_the_option_of_the_data_protection_officer_needs_purpose_and_reason(tmp_path: Path) -> None:
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    [id_] = publish(homes["BZ"], WORDS)
    step(*homes.values())
    with closing(sqlite3.connect(homes["GT"] / "store.db")) as db:
        db.execute("UPDATE message SET expires_at = 1700000000000")
        db.commit()
    given = ("--include-expired", "--purpose", "INFORMATION_EXCHANGE", "--reason", "Request 7")
    for command in (("search", "--all"), ("show", id_)):
        refused = cli(*command, "--include-expired", home=homes["GT"])
        [found] = ok(*command, *given, home=homes["GT"])

        assert (refused.exit, refused.error["code"]) == (2, "purpose_missing")
        assert found["report"]["narrative"]["text"] == WORDS
