"""Each state in which an entitled party may not get a report is a problem, with its reason and its remedy.

The list is that of docs/errors.md. A code that the program uses and the list does not have fails here.
"""

import ast
import asyncio
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import pytest
from sqlalchemy import insert

from broker.embedded.log import EmbeddedLog
from node.answers import error_catalogue
from node.database.engine import Store, Transaction
from node.database.record_tables import pending
from node.health import records, standing_findings
from node.limits import DAY_MS
from node.outgoing import standing_faults
from node.outgoing.standing_faults import StandingFault
from node.runtime.home import open_home
from node.runtime.open_node import open_node
from node.runtime.open_store import open_store
from node.sending.faults import Faults
from node.stages import StreamId
from node.store import access_log, stream_findings
from node.store.access_log import Operation
from node.store.set_aside import Obstacle
from node.store.set_aside import put as set_aside
from tests.support import webhook_rows
from tests.support.contract import cli, code, tables
from tests.support.processes import agreement, lab, ok, publish, running, settle

PROJECT: Final = Path(__file__).parents[3]
NOW: Final = 1_790_000_000_000


@pytest.fixture(scope="module")
def exchanged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab of BZ and GT; each test works on a copy of it."""
    folder = tmp_path_factory.mktemp("problems")
    lab(folder, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    return folder / "lab"


@pytest.fixture
def home(exchanged: Path, tmp_path: Path) -> Path:
    """The home of BZ in a copy of the lab, with its log beside it."""
    shutil.copytree(exchanged, tmp_path / "lab")
    config = tmp_path / "lab" / "bz" / "node.toml"
    config.write_text(config.read_text().replace(str(exchanged), str(tmp_path / "lab")))
    return tmp_path / "lab" / "bz"


def write(home: Path, work: Callable[[Transaction], object]) -> None:
    """Run one writing transaction on the store of a home."""

    async def serve() -> None:
        async with open_store(open_home(home)) as store:
            await store.write(work)

    asyncio.run(serve())


def problems(home: Path) -> dict[str, dict[str, Any]]:
    """The problems by code; the exit of `--check` is 1 exactly if there is one."""
    ran = cli("status", "--check", home=home)
    [answer] = ran.objects
    assert ran.exit == int(bool(answer["problems"]))
    return {problem["code"]: problem for problem in answer["problems"]}


def no_bus(home: Path) -> None:
    (home.parent / "log.db").unlink()


def no_topic(home: Path) -> None:
    async def serve() -> None:
        bus = EmbeddedLog(home.parent / "log.db")
        await bus.delete_topic("intel.caribbean.bz")
        await bus.close()

    asyncio.run(serve())


def no_documents(home: Path) -> None:
    for file in (home / "documents").iterdir():
        file.unlink()


def dangling_document(home: Path) -> None:
    (home / "documents" / "x.signed").symlink_to("/nonexistent")


def not_a_member(home: Path) -> None:
    for file in (home / "documents").glob("node-bz-*"):
        file.unlink()


def garbage(home: Path) -> None:
    async def serve() -> None:
        bus = EmbeddedLog(home.parent / "log.db")
        await bus.append("keys.gt", [b"no record at all"])
        await bus.close()
        async with open_node(open_home(home)) as node:
            await node.subscriber.start()
            await node.subscriber.step(0)

    asyncio.run(serve())


def no_key_for_the_access_log(home: Path) -> None:
    """The NODE document that lists the CHECKPOINT key is gone; a daemon that stops would sign an entry."""
    write(home, partial(access_log.add, operation=Operation.ERASURE, actor="ana", subjects=[("r", "d")], now=NOW))
    not_a_member(home)

    async def serve() -> None:
        async with open_node(open_home(home)):
            pass

    asyncio.run(serve())


def pending_record(outcome: str) -> Callable[[Path], None]:
    """A record that is pending since long ago."""
    row = {
        "topic": "intel.caribbean.gt",
        "position": 1,
        "originator": "GT",
        "stream": "intel.caribbean",
        "sequence": 1,
        "outcome": outcome,
        "reason": "grant",
        "placed": True,
        "received_at": NOW - records.WAITING_MS_MAX * 100,
        "value": b"x",
        "digest": b"d" * 32,
        "budget": "waiting",
    }
    return lambda home: write(home, lambda db: db.execute(insert(pending).values(row)))


def fault(name: str) -> Callable[[Path], None]:
    """A fault that the daemon noted."""
    noted = StandingFault(code=name, subject="intel.caribbean.bz", since=NOW, message="the reason")
    return lambda home: write(home, partial(standing_faults.put, faults=[noted]))


def nothing(_home: Path) -> None:
    """No daemon runs in these tests."""


STATES: Final[dict[str, Callable[[Path], object]]] = {
    "daemon_down": nothing,
    "bus_unavailable": no_bus,
    "documents_unusable": no_documents,
    "document_unreadable": dangling_document,
    "sealing_refused": not_a_member,
    "records_quarantined": garbage,
    "message_waits_too_long": pending_record("waiting"),
    "message_held_too_long": pending_record("held"),
    "stream_blocked": fault("stream_blocked"),
    "stream_stalled": fault("stream_stalled"),
    "report_rejected": fault("report_rejected"),
    "drop_files_failed": fault("drop_files_failed"),
    "drop_files_stand": fault("drop_files_stand"),
    "drop_folder_unusable": fault("drop_folder_unusable"),
    "deliveries_dead": webhook_rows.with_dead_letter,
    "access_log_unsigned": no_key_for_the_access_log,
}
"""Problem -> how a home gets into that state."""

ELSEWHERE: Final = {"disk_full", "expires_soon", "expired_document"}
"""Problems with a test of their own below."""

OF_THE_GATEWAY: Final = {"job_stuck", "reading_stalled", "sending_stalled"}
"""Problems that the health requests report; tests/node/metrics has their tests."""

LISTED: Final = {code(row["code"]) for table in tables("errors.md", "## Problems of a node") for row in table}
FINDINGS: Final = {code(row["code"]) for table in tables("errors.md", "## Findings about a stream") for row in table}
COMPUTED: Final = {"draft_set_aside", "stream_not_read"}
"""Findings that are not rows of the table of findings."""


@pytest.mark.parametrize("name", STATES)
def test_the_state_is_a_problem_with_reason_and_remedy(name: str, home: Path) -> None:
    """`status --check` ends with 1."""
    STATES[name](home)
    found = problems(home)

    assert name in found
    assert all(found[name][key] for key in ("message", "hint", "subject"))


def test_the_list_is_that_of_the_manual() -> None:
    assert STATES.keys() | ELSEWHERE | OF_THE_GATEWAY == LISTED


@pytest.mark.parametrize("name", sorted(FINDINGS - COMPUTED))
def test_a_standing_finding_is_a_problem_with_reason_and_remedy(name: str, home: Path) -> None:
    place = StreamId(stream="intel.caribbean", originator="GT")
    write(home, lambda db: stream_findings.add(db, name, place, sequence=3, position=4, now=NOW))
    found = problems(home)

    if name in standing_findings.NO_PROBLEM:
        assert name not in found
    else:
        assert found[name]["hint"] == error_catalogue.remedy(name)
        assert found[name]["subject"] == "intel.caribbean.gt"
        assert found[name]["since"] is not None
        assert "sequence 3" in found[name]["message"]


def test_a_topic_that_is_missing_is_a_finding_and_never_counts_as_caught_up(home: Path) -> None:
    before = cli("status", "--until", "caught-up", "--timeout", "0", home=home)
    no_topic(home)
    after = cli("status", "--until", "caught-up", "--timeout", "0", home=home)

    assert before.exit == 0
    assert after.exit == 4
    assert [(found["code"], found["stream"], found["originator"]) for found in after.objects[0]["findings"]] == [
        ("stream_not_read", "intel.caribbean", "BZ")
    ]
    assert problems(home)["stream_not_read"]["subject"] == "intel.caribbean.bz"


def test_a_paused_originator_never_counts_as_caught_up(home: Path) -> None:
    everything = StreamId(stream="*", originator="GT")
    write(
        home,
        lambda db: stream_findings.add(db, "originator_paused", everything, sequence=None, position=None, now=NOW),
    )

    assert cli("status", "--until", "caught-up", "--timeout", "0", home=home).exit == 4
    assert problems(home)["originator_paused"]["subject"] == "GT"


def test_a_draft_that_was_set_aside_is_a_problem(home: Path) -> None:
    publish(home, "one")
    write(home, lambda db: set_aside(db, {1: Obstacle(code="draft_damaged", reason="r")}, NOW))

    assert problems(home)["draft_set_aside"]["hint"]


def test_a_full_disk_is_a_problem(home: Path) -> None:
    with patch("node.health.machine.shutil.disk_usage", lambda _: SimpleNamespace(free=0)):
        found = problems(home)

    assert found["disk_full"]["hint"]


@pytest.mark.parametrize(("years", "name"), [(3650 - 20, "expires_soon"), (3651, "expired_document")])
def test_documents_that_end_are_a_problem(years: int, name: str, home: Path) -> None:
    from node.clock import now_ms

    later = now_ms() + years * DAY_MS
    with patch("node.health.status.now_ms", lambda: later):
        assert problems(home)[name]["hint"]


def test_purged_records_do_not_count(home: Path) -> None:
    garbage(home)
    ok("quarantine", "purge", "--all", home=home)

    assert "records_quarantined" not in problems(home)


def test_a_node_without_a_problem_ends_with_0(home: Path) -> None:
    """While its daemon runs."""
    with running(home):
        settle(home)
        found = problems(home)

    assert found == {}


@pytest.mark.parametrize("command", [("status",), ("search", "--all"), ("withheld", "list"), ("access", "list")])
def test_a_missing_store_is_an_error_and_stays_missing(command: tuple[str, ...], home: Path) -> None:
    """A mistyped address must not answer that nothing is here."""
    (home / "store.db").unlink()
    ran = cli(*command, home=home)

    assert (ran.exit, ran.error["code"]) == (2, "store_missing")
    assert not (home / "store.db").exists()


def test_a_question_to_a_missing_store_has_no_answer(home: Path) -> None:
    (home / "store.db").unlink()
    ran = cli("check", "-", "--purpose", "CROSS_CHECKING", "--reason", "test", home=home, data=b"NAME=X\n")

    assert (ran.exit, ran.error["code"]) == (2, "store_missing")


async def test_a_fault_is_written_once_and_forgotten_when_it_ends(tmp_path: Path) -> None:
    """Also by another process."""
    store = await Store.open(f"sqlite:///{tmp_path / 'store.db'}")
    first, second = (Faults(store=store, clock=lambda at=at: at) for at in (1, 2))  # type: ignore[misc]
    await first.note("stream_blocked", "a", "one")
    await second.note("stream_blocked", "a", "two")
    await second.note("stream_blocked", "b", "three")
    before = await store.read(standing_faults.standing)
    new = await second.only("stream_blocked", {"b": "three", "c": "four"})
    await second.end("stream_blocked", ["c"])
    after = await store.read(standing_faults.standing)
    await store.close()

    assert [(fault.subject, fault.since, fault.message) for fault in before] == [("a", 1, "two"), ("b", 2, "three")]
    assert new == ["c"]
    assert [fault.subject for fault in after] == ["b"]


def constants_of(tree: ast.Module) -> dict[str, str]:
    """The texts that the module gives a name."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                found[target.id] = str(node.value.value)
    return found


def code_of(call: ast.Call) -> ast.expr | None:
    """The code that a call gives to a problem, a fault or a finding."""
    name = ast.unparse(call.func)
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    if name == "StandingFault":
        return named["code"]
    if name == "problem" or name.endswith(("faults.note", "faults.only")):
        return call.args[0]
    return call.args[1] if name in ("stream_findings.add", "stream_findings.note") else None


def used_codes() -> Iterator[str]:
    """The codes of problems, faults and findings in the code: texts, or names of constants of the same module."""
    for path in (PROJECT / "node").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        constants = constants_of(tree)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            match code_of(call):
                case ast.Constant(value=str() as text):
                    yield text
                case ast.Name(id=name) if name in constants:
                    yield constants[name]


def test_each_code_that_the_program_uses_is_in_the_manual() -> None:
    found = set(used_codes())

    assert {"daemon_down", "stream_blocked", "sealing_refused", "report_rejected", "audience_narrowed"} <= found
    assert found - LISTED - FINDINGS == set()
