"""`receipts ID`: the outcome of an own report at each recipient, and since when; also in a store of revision 0001."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from node.clock import now_ms
from node.database import migrate
from node.database.engine import Store
from node.runtime.home import open_home
from node.runtime.open_node import open_node
from node.runtime.open_store import open_store
from node.store import outbox, receipts_received
from schemas.formats import time_text
from tests.support.contract import cli, ok, step
from tests.support.exchange import report
from tests.support.processes import agreement, lab

HOUR = 3_600_000
STREAM = "intel.caribbean"


def text_of(words: str, **changes: Any) -> bytes:
    narrative = {"text": words, "language": "en"}
    return json.dumps(report(narrative=narrative, retain_until="2035-06-30", **changes)).encode()


def publish(home: Path, words: str, **changes: Any) -> dict[str, Any]:
    [answer] = ok("publish", "-", home=home, data=text_of(words, **changes))
    return answer


def receipts_of(home: Path, id_: str) -> list[dict[str, Any]]:
    return ok("receipts", id_, home=home)


async def _tell(home: Path) -> None:
    async with open_node(open_home(home), now=lambda: now_ms() + 1000) as node:
        await node.receipt_sealer.step()
        await node.relay.step()


def tell(*homes: Path) -> None:
    """Let nodes send the receipts that they owe."""
    for home in homes:
        asyncio.run(_tell(home))


async def _newest(home: Path) -> tuple[bytes, int]:
    async with open_store(open_home(home)) as store:
        head = (await store.read(outbox.heads))[STREAM]
        return head.batch_hash, head.sealed_at


async def _add(home: Path, batch: bytes, recipient: str, reported: Sequence[tuple[int, bytes]]) -> None:
    async with open_store(open_home(home)) as store:
        rows = [
            receipts_received.ReceivedOutcomes(
                batch=batch, recipient=recipient, sequence=sequence, outcomes=outcomes, sealed_at=sequence * HOUR
            )
            for sequence, outcomes in reported
        ]
        await store.write(lambda db: receipts_received.add(db, rows, now_ms()))


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """BZ may send to GT and MX. CO may not send to any node."""
    folder = tmp_path_factory.mktemp("delivery")
    return lab(folder, ["BZ", "GT", "MX", "CO"], agreement("BZ-GT", ["BZ", "GT"]), agreement("BZ-MX", ["BZ", "MX"]))


def test_from_outstanding_to_stored_each_recipient_has_a_line_and_a_time(homes: dict[str, Path]) -> None:
    """Accepted, sealed, reported by one recipient, then by both; the two recipients are always the same."""
    bz, gt, mx = (homes[code] for code in ("BZ", "GT", "MX"))
    answer = publish(bz, "A boat off the cays")
    accepted = receipts_of(bz, answer["report_id"])
    step(bz)
    _, sealed_at = asyncio.run(_newest(bz))
    sealed = receipts_of(bz, answer["report_id"])
    step(gt, mx)
    tell(gt)
    step(bz)
    reported_by_gt = receipts_of(bz, answer["message_id"])
    tell(mx)
    step(bz)
    both = receipts_of(bz, answer["message_id"])

    for lines in (accepted, sealed, reported_by_gt, both):
        assert [line["recipient"] for line in lines] == ["GT", "MX"]
        assert {line["message_id"] for line in lines} == {answer["message_id"]}
        assert {line["step"] for line in lines} == {None}
    assert [line["outcome"] for line in accepted + sealed] == ["outstanding"] * 4
    assert {line["since"] for line in sealed} == {time_text(sealed_at)}
    assert accepted[0]["since"] <= sealed[0]["since"]
    assert [line["outcome"] for line in reported_by_gt] == ["stored", "outstanding"]
    assert reported_by_gt[1]["since"] == time_text(sealed_at) < reported_by_gt[0]["since"]
    assert [line["outcome"] for line in both] == ["stored", "stored"]
    assert both[0] == reported_by_gt[0]


REPORTED: dict[str, tuple[list[tuple[int, bytes]], tuple[str, int | None, int | None]]] = {
    "the last counts": ([(1, b"\x42"), (2, b"\x40")], ("stored", None, 2)),
    "since it was first said": ([(1, b"\x42"), (2, b"\x40"), (3, b"\x40"), (4, b"\x40")], ("stored", None, 2)),
    "said again after another": ([(1, b"\x40"), (2, b"\x42"), (3, b"\x40")], ("stored", None, 3)),
    "in the order of its stream": ([(2, b"\x40"), (1, b"\x42")], ("stored", None, 2)),
    "withheld": ([(1, b"\x41")], ("withheld", None, 1)),
    "held": ([(1, b"\x43")], ("held", None, 1)),
    "waiting": ([(1, b"\x42")], ("waiting", None, 1)),
    "rejected with its step": ([(1, b"\x08")], ("rejected", 8, 1)),
    "another step is another outcome": ([(1, b"\x0d"), (2, b"\x08")], ("rejected", 8, 2)),
    "could not be opened": ([(1, b"\x0e")], ("rejected", 14, 1)),
    "it has not arrived there": ([(1, b"\x01")], ("outstanding", None, None)),
}


@pytest.mark.parametrize(("reported", "expected"), REPORTED.values(), ids=REPORTED)
def test_what_a_recipient_said_last_counts_and_since_when_it_says_so(
    homes: dict[str, Path],
    reported: list[tuple[int, bytes]],
    expected: tuple[str, int | None, int | None],
    request: pytest.FixtureRequest,
) -> None:
    bz = homes["BZ"]
    answer = publish(bz, f"Told as {request.node.name}")
    step(bz)
    batch, sealed_at = asyncio.run(_newest(bz))
    asyncio.run(_add(bz, batch, "GT", reported))
    gt, mx = receipts_of(bz, answer["report_id"])
    outcome, step_, since = expected

    assert (gt["outcome"], gt["step"]) == (outcome, step_)
    assert gt["since"] == time_text(sealed_at if since is None else since * HOUR)
    assert (mx["outcome"], mx["since"]) == ("outstanding", time_text(sealed_at))


def test_the_byte_of_its_own_leaf_counts(homes: dict[str, Path]) -> None:
    """Two reports in one batch, of which one was stored and one withheld."""
    bz = homes["BZ"]
    lines = text_of("First of two") + b"\n" + text_of("Second of two")
    first, second = ok("publish", "-", home=bz, data=lines)
    step(bz)
    batch, _ = asyncio.run(_newest(bz))
    asyncio.run(_add(bz, batch, "GT", [(1, b"\x40\x41")]))

    assert [receipts_of(bz, answer["report_id"])[0]["outcome"] for answer in (first, second)] == ["stored", "withheld"]


def test_a_report_for_two_regions_is_two_messages(homes: dict[str, Path]) -> None:
    """The report id lists both messages, a message id only its own."""
    gt = homes["GT"]
    id_ = "6f1d0f2e-3a64-5c1b-9d0e-5b7a4c2e8f77"
    regions = ("central-america", "transatlantic")
    first, second = (publish(gt, "For two regions", report_id=id_, region=region)["message_id"] for region in regions)

    assert [(line["message_id"], line["recipient"]) for line in receipts_of(gt, id_)] == [(first, "BZ"), (second, "BZ")]
    assert [line["message_id"] for line in receipts_of(gt, second)] == [second]


def test_a_report_without_recipients_has_no_line_and_a_person_sees_a_message(homes: dict[str, Path]) -> None:
    """It is not an error: the report was accepted, and its originator holds it."""
    co = homes["CO"]
    answer = publish(co, "Kept at home")
    accepted = ok("receipts", answer["report_id"], home=co)
    step(co)
    sealed = ok("receipts", answer["report_id"], home=co)
    shown = cli("receipts", answer["report_id"], home=co, json_=False)

    assert answer["audience"] == accepted == sealed == []
    assert (shown.exit, shown.out, shown.err) == (0, "", "no node is admitted to it\n")


def test_only_the_originator_gets_an_answer_and_other_nodes_are_refused_with_the_reason(homes: dict[str, Path]) -> None:
    answer = publish(homes["BZ"], "Whose is this")
    step(homes["BZ"], homes["GT"])
    foreign = cli("receipts", answer["report_id"], home=homes["GT"])
    unknown = cli("receipts", "6f1d0f2e-3a64-5c1b-9d0e-5b7a4c2e8f10", home=homes["BZ"])

    assert (foreign.exit, foreign.error["code"], foreign.error["path"]) == (1, "not_originator", "ID")
    assert "BZ" in foreign.error["message"]
    assert (unknown.exit, unknown.error["code"]) == (1, "not_found")
    assert cli("receipts", "42", home=homes["BZ"]).exit == 2


TABLES_WITH_TRIGGERS = ("message_fts",)


def as_of_revision_0001(store: Path) -> None:
    """The same data in the tables of revision 0001."""
    old = store.with_name("old.db")

    async def make() -> None:
        with patch.object(migrate, "REVISION", "0001"):
            await (await Store.open(f"sqlite:///{old}")).close()

    asyncio.run(make())
    with sqlite3.connect(old) as db:
        db.execute("ATTACH ? AS new", (str(store),))
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if not table.startswith(TABLES_WITH_TRIGGERS) and table != "alembic_version":
                columns = ", ".join(f'"{row[1]}"' for row in db.execute(f'PRAGMA table_info("{table}")'))
                db.execute(f'INSERT INTO "{table}" ({columns}) SELECT {columns} FROM new."{table}"')
    db.close()
    for name in ("-wal", "-shm"):
        store.with_name(store.name + name).unlink(missing_ok=True)
    old.replace(store)


def test_a_store_of_revision_0001_is_upgraded_with_its_data_and_receipts_count_in_it(tmp_path: Path) -> None:
    """Audience and batch of what it sealed come from the grant and the chain; recipients send their receipts."""
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    bz, gt = homes["BZ"], homes["GT"]
    answer = publish(bz, "Sealed before the upgrade")
    step(bz)
    with sqlite3.connect(gt / "store.db") as db:
        ok("status", home=gt)
        for number, (step_, code_) in enumerate([(3, "key_unknown"), (11, "key_not_valid"), (16, "labels_mismatch")]):
            db.execute(
                "INSERT INTO quarantine (id, code, step, detail, topic, originator, stream, position, received_at,"
                " value, placed, budget, digest, size)"
                " VALUES (?, ?, ?, '', 't', 'BZ', 'keys', 0, 0, x'00', 0, 'refused', x'00', 1)",
                (str(number), code_, step_),
            )
    db.close()
    before = [ok("search", "--all", home=home) for home in (bz, gt)]
    for home in (bz, gt):
        as_of_revision_0001(home / "store.db")
    after = [ok("search", "--all", home=home) for home in (bz, gt)]
    with sqlite3.connect(gt / "store.db") as db:
        placed = db.execute("SELECT step, placed FROM quarantine ORDER BY step").fetchall()
    db.close()
    [outstanding] = receipts_of(bz, answer["report_id"])
    step(gt)
    tell(gt)
    step(bz)
    [reported] = receipts_of(bz, answer["report_id"])

    assert after == before
    assert [len(rows) for rows in before] == [1, 0]
    assert (outstanding["recipient"], outstanding["outcome"]) == ("GT", "outstanding")
    assert (reported["recipient"], reported["outcome"]) == ("GT", "stored")
    assert placed == [(3, 0), (11, 0), (16, 1)]
