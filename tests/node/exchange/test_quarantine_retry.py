"""Retry of the quarantine: a record that verifies now is stored in its place; another one keeps its code."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy.exc import IntegrityError

from node.errors import Rejected
from node.exchange.retry import RetriedRecord, retry_quarantined
from node.store import receipts_to_seal
from node.trust.governance import Governance, load_governance
from node.undecided import quarantine_retry
from node.verification import opening
from schemas.avro import codec
from schemas.types import Header
from tests.support.bed import GRANTS, Bed, bed
from tests.support.contract import cli, ok, step
from tests.support.exchange import TestNode, report
from tests.support.processes import (
    ENLACE,
    agreement,
    enlace,
    lab,
    running,
    settle,
)
from tests.support.readers import world
from tests.support.records import INTEL, changed, parts

ANOTHER = "6f1d0f2e-3a64-5c1b-9d0e-5b7a4c2e8f10"


async def again(node: TestNode, *, times: int = 1) -> list[str]:
    """Look again at all records; returns the outcomes."""
    done: list[RetriedRecord] = []
    for _ in range(times):
        ids = await node.store.read(quarantine_retry.ids)
        done += await retry_quarantined(node.store, lambda: node.judge, ids, clock=node.clock)
    return [record.decision.outcome.value for record in done]


def ignorant(scene: Bed) -> Governance:
    """The documents of GT before BZ's arrived: all of the community that do not name BZ."""
    known = load_governance(
        world().community.documents[:1] + world().community.documents[2:], world().community.community
    )
    assert "BZ" not in known.nodes
    assert "GT" in scene.gt.judge.governance.nodes
    return known


@contextmanager
def knowing(scene: Bed, governance: Governance) -> Iterator[None]:
    """GT with other documents inside the block."""
    before = scene.gt.judge
    scene.gt.judge = replace(before, governance=governance)
    try:
        yield
    finally:
        scene.gt.judge = before


@asynccontextmanager
async def unknown_at_first(folder: Path) -> AsyncIterator[Bed]:
    """GT read a grant and three messages of BZ before it had BZ's document."""
    async with bed(folder) as scene:
        with knowing(scene, ignorant(scene)):
            await scene.read(*(scene.bz.message(scene.key) for _ in range(3)))
        yield scene


async def codes(scene: Bed) -> list[str]:
    return sorted(kept.record.code for kept in await scene.quarantine())


async def test_records_that_verify_under_new_documents_are_stored_in_their_places(tmp_path: Path) -> None:
    """Grant and messages together, in the order of the chain: nothing is late, and no gap stays."""
    async with unknown_at_first(tmp_path) as scene:
        before = await codes(scene)
        outcomes = await again(scene.gt)

        assert before == ["key_unknown"] * 4
        assert outcomes == ["counted", "stored", "stored", "stored"]
        assert await scene.held() == [1, 2, 3]
        assert await scene.quarantine() == []
        assert await scene.findings() == []


async def test_the_stream_goes_on_after_records_that_took_their_places_late(tmp_path: Path) -> None:
    """The next record of the log fits the last one that left quarantine; a skipped record is still a gap."""
    async with unknown_at_first(tmp_path) as scene:
        await again(scene.gt)
        await scene.read(scene.bz.message(scene.key))
        in_order = await scene.findings()
        scene.bz.message(scene.key)
        await scene.read(scene.bz.message(scene.key))

        assert in_order == []
        assert await scene.held() == [1, 2, 3, 4, 6]
        assert await scene.findings() == [("chain_gap", 5)]


async def test_a_record_that_comes_back_into_a_gap_is_late_and_closes_it(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        first, second, third = (scene.bz.message(scene.key) for _ in range(3))
        await scene.read(first)
        with knowing(scene, ignorant(scene)):
            await scene.read(second)
        await scene.read(third)
        before = await scene.findings()
        await again(scene.gt)

        assert before == [("chain_gap", 2)]
        assert await scene.findings() == [("out_of_order", 2)]
        assert sorted(await scene.held()) == [1, 2, 3]


async def test_a_message_that_waits_for_a_grant_in_quarantine_is_stored_with_it(tmp_path: Path) -> None:
    async with bed(tmp_path, grant=False) as scene:
        grant = scene.bz.grant(scene.grant)
        with knowing(scene, ignorant(scene)):
            await scene.read(grant, topic=GRANTS)
        await scene.read(scene.bz.message(scene.key))
        waiting = (await scene.counts())["waiting"]
        outcomes = await again(scene.gt)

        assert waiting == 1
        assert outcomes == ["counted"]
        assert await scene.held() == [1]
        assert "waiting" not in await scene.counts()


async def test_a_message_whose_grant_is_still_missing_waits_then_and_is_stored_by_itself(tmp_path: Path) -> None:
    async with bed(tmp_path, grant=False) as scene:
        grant = scene.bz.grant(scene.grant)
        with knowing(scene, ignorant(scene)):
            await scene.read(scene.bz.message(scene.key))
        outcomes = await again(scene.gt)
        await scene.read(grant, topic=GRANTS)

        assert outcomes == ["waiting"]
        assert await scene.quarantine() == []
        assert await scene.held() == [1]


@contextmanager
def yesterday() -> Iterator[None]:
    """A version that does not know any payload schema."""
    unknown = Rejected("payload_schema_unknown", "the payload has a schema that this version does not know")
    with patch.object(opening, "_decode_payload", side_effect=unknown):
        yield


@asynccontextmanager
async def not_upgraded(folder: Path) -> AsyncIterator[Bed]:
    """GT could not read the second of three messages."""
    async with bed(folder) as scene:
        values = scene.bz.batch([scene.bz.sealed_leaf(scene.key) for _ in range(3)])
        await scene.read(values[0])
        with yesterday():
            await scene.read(values[1])
        await scene.read(values[2])
        yield scene


async def test_after_an_upgrade_a_payload_that_was_not_known_is_stored_where_it_stands(tmp_path: Path) -> None:
    """It has its place since it arrived: nothing is late, and it is not a duplicate of itself."""
    async with not_upgraded(tmp_path) as scene:
        before = await scene.everything()
        outcomes = await again(scene.gt)

        assert (before["held"], await codes(scene), outcomes) == ([1, 3], [], ["stored"])
        assert await scene.held() == [1, 3, 2]
        assert await scene.findings() == []


async def test_a_record_that_still_fails_keeps_its_row_and_its_code_and_is_not_a_duplicate(tmp_path: Path) -> None:
    """At any step and any number of times: nothing is counted, and nothing changes."""
    async with bed(tmp_path) as scene:
        fork = scene.bz.fork()
        first = scene.bz.message(scene.key)
        reused = scene.bz.sealed_leaf(scene.key, message_id=parts_id(first))
        await scene.read(b"garbage", first, fork.message(scene.key), *scene.bz.batch([reused]))
        await scene.read(
            changed(scene.bz.message(scene.key), content=b"other"), scene.bz.message(scene.key, payload=b"")
        )
        before = await scene.everything()
        outcomes = await again(scene.gt, times=3)

        assert [code for code, _, _ in before["quarantine"]] == [
            "content_mismatch",
            "equivocation",
            "framing_invalid",
            "message_id_reused",
            "payload_malformed",
        ]
        assert outcomes == ["rejected"] * 15
        assert await scene.everything() == before


def parts_id(value: bytes) -> bytes:
    """The message id of a record."""
    return codec.decode(Header, parts(value).header).message_id


async def test_a_record_that_fails_for_another_reason_now_gets_that_code(tmp_path: Path) -> None:
    """The document is here and the signature is wrong: `key_unknown` would be untrue."""
    async with bed(tmp_path) as scene:
        await scene.read()
        with knowing(scene, ignorant(scene)):
            await scene.read(changed(scene.bz.message(scene.key), signature=bytes(64)))
        [before] = await scene.quarantine()
        outcomes = await again(scene.gt)
        [after] = await scene.quarantine()

        assert (before.record.code, outcomes) == ("key_unknown", ["rejected"])
        assert (after.record.code, after.record.step, after.id) == ("signature_invalid", 4, before.id)
        assert after.received_at == before.received_at


async def test_a_record_with_a_place_that_fails_at_an_earlier_step_later_is_stored_in_the_end(tmp_path: Path) -> None:
    """The payload is unknown, then the document is missing, then both are repaired: the row keeps the place."""
    async with not_upgraded(tmp_path) as scene:
        with knowing(scene, ignorant(scene)):
            lost = await again(scene.gt), await codes(scene)
        outcomes = await again(scene.gt)

        assert lost == (["rejected"], ["key_unknown"])
        assert outcomes == ["stored"]
        assert await scene.held() == [1, 3, 2]


async def test_a_record_whose_bytes_came_again_and_were_stored_leaves_quarantine(tmp_path: Path) -> None:
    async with bed(tmp_path) as scene:
        value = scene.bz.message(scene.key)
        await scene.read()
        with knowing(scene, ignorant(scene)):
            await scene.read(value)
        await scene.read(value)
        before = await scene.counts()
        outcomes = await again(scene.gt)

        assert outcomes == ["duplicate"]
        assert await scene.held() == [1]
        assert await scene.quarantine() == []
        assert (await scene.counts()).get("duplicate") == before.get("duplicate")


async def test_two_retries_are_the_same_as_one(tmp_path: Path) -> None:
    async with unknown_at_first(tmp_path) as scene:
        await again(scene.gt)
        once = await scene.everything()
        outcomes = await again(scene.gt)

        assert outcomes == []
        assert await scene.everything() == once


@pytest.mark.parametrize("make", [unknown_at_first, not_upgraded])
async def test_a_crash_in_a_retry_changes_nothing_and_the_next_retry_is_the_same_as_one(
    make: Any, tmp_path: Path
) -> None:
    """The last statement fails; neither message nor chain nor quarantine has changed."""
    async with make(tmp_path) as scene:
        before = await scene.everything()
        await scene.gt.store.write(
            lambda db: db.exec_driver_sql(
                "CREATE TRIGGER stop BEFORE DELETE ON quarantine BEGIN SELECT RAISE(FAIL, 'a test stops it'); END"
            )
        )
        with pytest.raises(IntegrityError, match="a test stops it"):
            await again(scene.gt)
        after = await scene.everything()
        await scene.gt.store.write(lambda db: db.exec_driver_sql("DROP TRIGGER stop"))
        await again(scene.gt)

        assert after == before
        assert sorted(await scene.held()) == [1, 2, 3]
        assert await scene.quarantine() == []


@pytest.mark.parametrize("make", [unknown_at_first, not_upgraded])
async def test_several_processes_at_once_store_a_record_once(make: Any, tmp_path: Path) -> None:
    """A daemon and two commands on one store: a process that writes second decides again."""
    async with make(tmp_path) as scene, AsyncExitStack() as stack:
        first = scene.gt
        others = [await scene.made.add(stack, "GT") for _ in range(2)]
        await scene.send(scene.bz.message(scene.key))
        await asyncio.gather(again(first), first.read(), *(again(other) for other in others))

        assert sorted(await scene.held()) == [1, 2, 3, 4]
        assert await scene.quarantine() == []
        assert {code for code, _ in await scene.findings()} <= {"out_of_order"}


async def test_a_process_that_read_before_another_wrote_decides_again(tmp_path: Path) -> None:
    """Another process ingested a leaf of the same batch between read and write: no leaf of the batch is lost."""
    async with bed(tmp_path) as scene, AsyncExitStack() as stack:
        values = scene.bz.batch([scene.bz.sealed_leaf(scene.key) for _ in range(3)])
        await scene.read()
        with knowing(scene, ignorant(scene)):
            await scene.read(values[1])
        daemon = scene.gt
        command = await scene.made.add(stack, "GT")
        await scene.send(values[0], values[2])
        store_write = daemon.store.write
        interrupted: list[list[str]] = []

        async def write(work: Any) -> Any:
            if not interrupted:
                interrupted.append(await again(command))
            return await store_write(work)

        with patch.object(daemon.store, "write", write):
            await daemon.read()

        assert interrupted == [["stored"]]
        assert sorted(await scene.held()) == [1, 2, 3]
        assert [code for code, _ in await scene.findings() if code != "out_of_order"] == []


async def test_a_retried_record_is_reported_again_to_its_originator(tmp_path: Path) -> None:
    """Byte 14 first, byte 64 after the upgrade."""
    async with not_upgraded(tmp_path) as scene:
        before = await scene.gt.store.read(lambda db: receipts_to_seal.due(db, 10))
        await again(scene.gt)
        after = await scene.gt.store.read(lambda db: receipts_to_seal.due(db, 10))

        assert [row.outcomes for row in before if row.stream == INTEL] == [b"\x40\x0e\x40"]
        assert [row.outcomes for row in after if row.stream == INTEL] == [b"\x40\x40\x40"]


# On the command line.


def publish(home: Path, words: str) -> str:
    text = {"text": words, "language": "en"}
    data = json.dumps(report(narrative=text, retain_until="2035-06-30")).encode()
    [answer] = ok("publish", "-", home=home, data=data)
    return str(answer["report_id"])


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Path]:
    """GT read a report of BZ without BZ's document, and garbage."""
    made = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    taken = take_away(made["GT"], tmp_path)
    publish(made["BZ"], "Read too early")
    step(made["BZ"], made["GT"])
    for path in taken:
        path.rename(made["GT"] / "documents" / path.name)
    return made


def take_away(home: Path, folder: Path) -> list[Path]:
    """Move BZ's document, and the agreement that needs it, out of a home."""
    found = [path for path in (home / "documents").iterdir() if "-bz-" in path.name]
    assert len(found) == 2, found
    return [path.rename(folder / path.name) for path in found]


def rows(home: Path) -> list[dict[str, Any]]:
    return ok("quarantine", "list", home=home)


def test_each_record_has_a_line_with_its_outcome(homes: dict[str, Path]) -> None:
    before = rows(homes["GT"])
    done = ok("quarantine", "retry", "--all", home=homes["GT"])

    assert [row["code"] for row in before] == ["key_unknown"] * 2
    assert {line["id"] for line in done} == {row["id"] for row in before}
    assert [(line["stream"], line["outcome"]) for line in done] == [("keys", "counted"), (done[1]["stream"], "stored")]
    assert all({name: line[name] for name in row if name != "sequence"} for line, row in zip(done, before, strict=True))
    assert rows(homes["GT"]) == []
    assert len(ok("search", "--all", home=homes["GT"])) == 1
    assert ok("quarantine", "retry", "--all", home=homes["GT"]) == []


def test_only_the_named_records_are_looked_at(homes: dict[str, Path]) -> None:
    """The message waits for the grant that is still in quarantine, and is stored with it."""
    grant, message = sorted(rows(homes["GT"]), key=lambda row: str(row["stream"] != "keys"))
    [waiting] = ok("quarantine", "retry", message["id"], home=homes["GT"])
    left = rows(homes["GT"])
    [counted] = ok("quarantine", "retry", grant["id"], home=homes["GT"])

    assert (waiting["outcome"], counted["outcome"]) == ("waiting", "counted")
    assert [row["id"] for row in left] == [grant["id"]]
    assert len(ok("search", "--all", home=homes["GT"])) == 1


def test_a_record_that_stays_refused_keeps_its_code_and_the_end_is_1(homes: dict[str, Path], tmp_path: Path) -> None:
    taken = take_away(homes["GT"], tmp_path)
    before = rows(homes["GT"])
    done = ok("quarantine", "retry", "--all", home=homes["GT"], exit_code=1)

    assert taken
    assert rows(homes["GT"]) == before
    assert [line.pop("outcome") for line in done] == ["rejected"] * 2
    assert sorted(done, key=lambda line: str(line["id"])) == sorted(before, key=lambda row: str(row["id"]))


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [((), 2, "usage"), (("--all", ANOTHER), 2, "usage"), ((ANOTHER,), 1, "not_found")],
    ids=["neither ids nor --all", "both", "an id that is not there"],
)
def test_the_records_must_be_named_and_exist(
    homes: dict[str, Path], arguments: tuple[str, ...], exit_code: int, code: str
) -> None:
    """With one unknown id nothing is looked at."""
    named = [row["id"] for row in rows(homes["GT"])] if code == "not_found" else []
    ran = cli("quarantine", "retry", *named, *arguments, home=homes["GT"])

    assert (ran.exit, ran.error["code"]) == (exit_code, code)
    assert len(rows(homes["GT"])) == 2


def test_a_retry_works_while_the_daemon_runs_and_reads(homes: dict[str, Path]) -> None:
    """Reports arrive while others leave quarantine: each is stored once, and the chain has no gap."""
    with running(*homes.values()):
        for number in range(3):
            publish(homes["BZ"], f"While it is looked at again, {number}")
            code, _ = enlace("quarantine", "retry", "--all", home=homes["GT"])
            assert code == 0
        settle(*homes.values())
        [status] = ok("status", home=homes["GT"])

        assert status["counts"]["stored"] == 4
        assert status["counts"]["quarantined"] == 0
        assert {finding["code"] for finding in status["findings"]} <= {"out_of_order"}


def test_a_retry_killed_at_any_moment_and_repeated_is_the_same_as_one_retry(homes: dict[str, Path]) -> None:
    """Killed a little later each time, until one run ends by itself."""
    command = [str(ENLACE), "quarantine", "retry", "--all", "--json", "--home", str(homes["GT"])]
    for number in range(1, 100):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=number * 0.25)
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        held, kept = len(ok("search", "--all", home=homes["GT"])), len(rows(homes["GT"]))
        assert (held, kept) in [(0, 2), (1, 0)]

    assert len(ok("search", "--all", home=homes["GT"])) == 1
    assert rows(homes["GT"]) == []
