"""Tests the table of commands in docs/contract.md: runs the command of each row, and reaches each exit code.

Commands run in this process. Daemons, and tests of pipes, have processes of their own. The module has one exchange.
"""

import asyncio
import contextlib
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import typer.main

from broker.embedded.log import EmbeddedLog
from node.cli.main import app
from node.commands import search as consult
from node.runtime.home import open_home
from node.runtime.open_node import open_node
from node.sharing import policy
from node.stages import Leaf
from tests.support import finding_rows, following, token_rows, webhook_rows
from tests.support.boats import MAPPING
from tests.support.brokers import require_kafka
from tests.support.contract import (
    Ran,
    Shape,
    check_forms,
    check_shape,
    cli,
    code,
    command_of,
    lists_of,
    ok,
    shape_of,
    tables,
)
from tests.support.exchange import report
from tests.support.processes import (
    ENLACE,
    Daemon,
    agreement,
    lab,
    running,
    settle,
)
from tests.support.records import Author

[ROWS, [REPORT_FILE_ROW]] = tables("contract.md", "## Commands")
COMMANDS = {command_of(code(row["command"])): row for row in ROWS}
ROWS_TO_IMPORT = "day,what\n1826-01-02,A boat at night\n2026-13-02,A boat on no day\n1826-01-02,A boat at night\n"


def text_of(**changes: Any) -> bytes:
    """A report as bytes, with a retention date that no clock of a test reaches."""
    return json.dumps(report(**{"retain_until": "2035-12-31", **changes})).encode()


def named(words: str, **changes: Any) -> bytes:
    """A report with this text, so that it differs from the others."""
    return text_of(narrative={"text": words, "language": "en"}, **changes)


class Scene:
    """The exchange, and the answers of the commands that prepared it."""

    def __init__(self, folder: Path, homes: dict[str, Path]) -> None:
        self.folder = folder
        self.bz, self.gt, self.mx = (homes[name] for name in ("BZ", "GT", "MX"))
        self.published: list[dict[str, Any]] = []
        self.stopped: list[dict[str, Any]] = []

    def file(self, name: str, content: str | bytes) -> Path:
        """Write a file beside the exchange; returns its path."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


async def send(home: Path, *, careless: bool) -> None:
    """Seal and send the accepted reports. A careless node does not check whether its clauses cover them."""
    async with open_node(open_home(home)) as node:
        await node.subscriber.start()
        while await node.subscriber.step(0):  # nothing is sealed before the own streams were read
            pass
        with patch.object(policy, "_failures", lambda *_: iter(())) if careless else contextlib.nullcontext():
            await node.relay.step()


async def spoil(log: Path, community: bytes) -> None:
    """The operator of the broker writes garbage and a record of a later governance, and deletes GT's first report."""
    bus = EmbeddedLog(log)
    try:
        later = Author(code="GT", community=community).batch(
            [Leaf(header=b"h", content=b"c")], stream="keys", governance=7
        )
        await bus.append("keys.gt", [b"no record at all", *later])
        await bus.truncate_before("intel.central-america.gt", 1)
    finally:
        await bus.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """BZ, GT and MX with daemons. GT's first report is lost, MX withholds its second, and garbage is in quarantine."""
    folder = tmp_path_factory.mktemp("contract")
    homes = lab(
        folder,
        ["BZ", "GT", "MX"],
        agreement("BZ-GT", ["BZ", "GT"], ("DRUG_TRAFFICKING", "CONTRABAND")),
        agreement("GT-MX", ["GT", "MX"], ("DRUG_TRAFFICKING",)),
    )
    made = Scene(folder, homes)
    ok("publish", "-", home=made.gt, data=named("Lost on the way"))
    asyncio.run(send(made.gt, careless=False))
    ok("publish", "-", home=made.gt, data=named("Not for Mexico", subjects=["CONTRABAND"]))
    asyncio.run(send(made.gt, careless=True))
    with running(made.gt):
        settle(made.gt)
        asyncio.run(spoil(folder / "lab" / "log.db", open_home(made.gt).documents().governance.community))
        with running(made.bz, made.mx):
            nowhere = {"latitude_microdegrees": 0, "longitude_microdegrees": 0}  # a warning
            good = named("A go-fast boat in Belize", place=nowhere)
            bad = named("Nobody knows why", purpose="NOPE")
            made.published = ok("publish", "-", home=made.bz, data=good + b"\n" + bad, exit_code=1)
            ok("publish", "-", home=made.gt, data=named("A lancha in Guatemala"))
            settle(made.bz, made.gt, made.mx)
            yield made


def status_row(scene: Scene) -> list[dict[str, Any]]:
    return ok("status", home=scene.mx)


def import_row(scene: Scene) -> list[dict[str, Any]]:
    mapping, rows = scene.file("boats.toml", MAPPING), scene.file("boats.csv", ROWS_TO_IMPORT)
    return ok("import", mapping, rows, "--dry-run", home=scene.bz, exit_code=1)


def mapping_check_row(scene: Scene) -> list[dict[str, Any]]:
    mapping, rows = scene.file("boats.toml", MAPPING), scene.file("boats.csv", ROWS_TO_IMPORT)
    wrong = scene.file("wrong.toml", MAPPING.replace("[occurred]", "[occured]"))
    draft = scene.file("draft.toml", ok("mapping", "new", rows)[0]["mapping"])
    checked = [ok("mapping", "check", named, exit_code=1) for named in (wrong, draft)]
    return [*ok("mapping", "check", mapping, rows, exit_code=1), *chain(*checked)]


def mapping_new_row(scene: Scene) -> list[dict[str, Any]]:
    return ok("mapping", "new", scene.file("boats.csv", ROWS_TO_IMPORT), home=scene.bz)


def search_row(scene: Scene) -> list[dict[str, Any]]:
    return ok("search", "--all", home=scene.mx)


def check_identifiers_row(scene: Scene) -> list[dict[str, Any]]:
    why = ("--purpose", "CROSS_CHECKING", "--reason", "test")
    return ok("check", "-", *why, home=scene.mx, data=b"NAME=sea test\nNAME=\n", exit_code=1)


def show_row(scene: Scene) -> list[dict[str, Any]]:
    [held] = ok("search", "--text", "lancha", home=scene.mx)
    [note] = ok("withheld", "list", home=scene.mx)
    return [*ok("show", held["report_id"], home=scene.mx), *ok("show", note["message_id"], home=scene.mx)]


def quarantine_row(scene: Scene) -> list[dict[str, Any]]:
    [row] = ok("quarantine", "list", home=scene.bz)
    return ok("quarantine", "show", row["id"], home=scene.bz)


def explain_row(scene: Scene) -> list[dict[str, Any]]:
    report_file = scene.file("report.json", text_of(subjects=["CONTRABAND"]))
    return ok("policy", "explain", "--from", "GT", "--to", "MX", "--report", report_file, home=scene.bz)


def init_row(scene: Scene) -> list[dict[str, Any]]:
    return ok("init", "--node", "CO", "--bus", "kafka://one:9092,two:9092", home=scene.folder / "co")


def lab_row(scene: Scene) -> list[dict[str, Any]]:
    empty = scene.folder / "none"
    empty.mkdir()
    return ok("lab", scene.folder / "another", "--nodes", "bz,GT", "--agreements", empty)


def run_row(scene: Scene) -> list[dict[str, Any]]:
    [made] = ok(
        "lab", scene.folder / "alone", "--nodes", "ES", "--agreements", scene.folder / "agreements", exit_code=2
    )
    assert made["error"]["code"] == "party_unknown"
    daemon = Daemon(scene.folder / "another" / "gt")
    first = daemon.ready()
    code_, seconds = daemon.stop()

    assert first["event"] == "node_ready"
    assert first["pid"] == daemon.process.pid
    assert code_ == 0
    assert seconds < 10
    return [first]


def keygen_row(scene: Scene) -> list[dict[str, Any]]:
    return ok("governance", "keygen", "TR9", scene.folder / "tr9.json")


def new_row(scene: Scene) -> list[dict[str, Any]]:
    written = scene.file("border.toml", agreement("BORDER", ["BZ", "GT"]))
    return ok("governance", "new", "agreement", written, home=scene.bz)


def sign_row(scene: Scene) -> list[dict[str, Any]]:
    return ok("governance", "sign", scene.folder / "border.toml.signed", home=scene.bz)


def check_row(scene: Scene) -> list[dict[str, Any]]:
    broken = scene.file("skipped.signed", (scene.folder / "border.toml.signed").read_bytes())
    alone = ok("governance", "check", broken, "--documents", scene.folder / "none", exit_code=1)
    [judged] = alone
    assert judged["problem"]["code"] == "root_missing"
    return [*alone, *ok("governance", "check", broken, home=scene.bz, exit_code=1)]


def governance_show_row(scene: Scene) -> list[dict[str, Any]]:
    return ok("governance", "show", scene.folder / "border.toml.signed", home=scene.bz)


def replay_row(scene: Scene) -> list[dict[str, Any]]:
    return ok("audit", "replay", home=scene.bz, exit_code=1)


def install_row(scene: Scene) -> list[dict[str, Any]]:
    signed = scene.folder / "border.toml.signed"
    [refused] = ok("governance", "install", signed, home=scene.bz, exit_code=2)
    assert refused["error"]["code"] == "signatures_missing"
    ok("governance", "sign", signed, home=scene.gt)
    return ok("governance", "install", signed, home=scene.bz)


NARROW = """
replication = 1
[[region]]
id = "caribbean"
members = ["BZ"]
retention_days = 3
"""
WIDER = NARROW.replace('"BZ"', '"BZ", "XA", "XB"')


def provision_row(scene: Scene) -> list[dict[str, Any]]:
    narrow, wider = scene.file("narrow.toml", NARROW), scene.file("wider.toml", WIDER)
    first = ok("broker", "provision", "--topology", narrow, home=scene.bz)
    second = ok("broker", "provision", "--topology", wider, home=scene.bz)
    again = ok("broker", "provision", "--topology", wider, home=scene.bz)
    assert second[0]["created"]
    assert again[0]["created"] == again[0]["changed"] == []
    return [*first, *second, *again]


def broker_check_row(scene: Scene) -> list[dict[str, Any]]:
    wanted = scene.file("more.toml", WIDER.replace("XB", "XC"))
    [answer] = ok("broker", "check", "--topology", wanted, home=scene.bz, exit_code=1)
    assert {(difference["setting"], difference["expected"], difference["found"]) for difference in answer["drift"]} == {
        ("topic", "present", "missing")
    }
    return [answer]


def rights_row(scene: Scene) -> list[dict[str, Any]]:
    """The members of the home, and the user that makes topics."""
    [answer] = answers = ok("broker", "rights", home=scene.bz)
    assert {right["user"] for right in answer["rights"]} == {"BZ", "GT", "MX", "enlace-provisioner"}
    assert len(answer["commands"]) == len(answer["rights"])
    assert answer["strimzi"].count("kind: KafkaUser") == 4
    script = cli("broker", "rights", home=scene.bz, json_=False).out
    assert script.splitlines() == answer["commands"]
    assert cli("broker", "rights", "--strimzi", home=scene.bz, json_=False).out == answer["strimzi"]
    return answers


def config_row(scene: Scene) -> list[dict[str, Any]]:
    answers = ok("config", "explain", home=scene.bz)
    [by_key] = answers
    keys = [code(row["key"]) for row in tables("contract.md", "## Configuration")[0]]
    assert list(by_key) == keys
    assert all(list(setting) == ["value", "source", "description"] for setting in by_key.values())
    return answers


def local_start_row(scene: Scene) -> list[dict[str, Any]]:
    """Start a broker twice, then stop it twice."""
    require_kafka()
    folder = ("--dir", scene.folder / "kafka")
    try:
        started = [*ok("broker", "local", "start", *folder), *ok("broker", "local", "start", *folder)]
    finally:
        scene.stopped = [*ok("broker", "local", "stop", *folder), *ok("broker", "local", "stop", *folder)]
    first, again = started
    assert first == again
    assert re.fullmatch(r"127\.0\.0\.1:\d+", first["bootstrap"])
    assert len(first["pids"]) == 1
    return started


def local_stop_row(scene: Scene) -> list[dict[str, Any]]:
    if not scene.stopped:
        local_start_row(scene)
    first, again = scene.stopped
    assert len(first["pids"]) == 1
    assert again == first | {"pids": []}
    return scene.stopped


def version_row(_: Scene) -> list[dict[str, Any]]:
    answers = ok("version")
    assert answers == ok("--version")
    assert answers[0]["wire"] == 1
    return answers


def explain_code_row(_: Scene) -> list[dict[str, Any]]:
    unknown = cli("explain", "chain_gpa")
    assert (unknown.exit, unknown.error["code"], unknown.error["path"]) == (2, "unknown_code", "CODE")
    assert "chain_gap" in unknown.error["hint"]
    return ok("explain", "duplicate")


def copy_row(scene: Scene) -> list[dict[str, Any]]:
    """No daemon runs on this home."""
    home = lab(scene.folder / "stopped", ["BZ"])["BZ"]
    ok("publish", "-", home=home, data=named("Copied"))
    return ok("db", "copy", "sqlite:///store.db", "sqlite:///copy.db", home=home)


def restore_row(scene: Scene) -> list[dict[str, Any]]:
    """What the node sent after the backup is adopted."""
    home = lab(scene.folder / "restored", ["BZ"])["BZ"]
    ok("backup", scene.folder / "older.backup", "--with-keys", home=home)
    ok("publish", "-", home=home, data=named("Adopted"))
    asyncio.run(send(home, careless=False))
    home.rename(scene.folder / "lost")
    return ok("restore", scene.folder / "older.backup", home=home)


def adopt_row(scene: Scene) -> list[dict[str, Any]]:
    home = scene.folder / "restored" / "lab" / "bz"
    for file in home.glob("store.db*"):
        file.unlink()
    return ok("adopt", home=home)


def outbox_home(scene: Scene) -> Path:
    """A node without a daemon, one report of which missed a recipient of its answer."""
    home = scene.folder / "outbox" / "lab" / "bz"
    if not home.exists():
        lab(scene.folder / "outbox", ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
        ok("publish", "-", home=home, data=named("Missed"))
        [document] = (home / "documents").glob("agreement-*")
        kept = document.read_bytes()
        document.unlink()
        asyncio.run(send(home, careless=False))
        document.write_bytes(kept)
        asyncio.run(send(home, careless=False))
    return home


def outbox_list_row(scene: Scene) -> list[dict[str, Any]]:
    return ok("outbox", "list", home=outbox_home(scene))


def outbox_withdraw_row(scene: Scene) -> list[dict[str, Any]]:
    home = outbox_home(scene)
    [answer] = ok("publish", "-", home=home, data=named("Withdrawn"))
    return ok("outbox", "withdraw", answer["report_id"], home=home)


def outbox_resend_row(scene: Scene) -> list[dict[str, Any]]:
    return ok("outbox", "resend", "--all", "--to", "GT", home=outbox_home(scene))


def keys_row(scene: Scene) -> list[dict[str, Any]]:
    return ok("keys", "separate", scene.folder / "apart.json", home=scene.folder / "another" / "gt")


SCENARIOS: dict[str, Callable[[Scene], list[dict[str, Any]]]] = {
    "init": init_row,
    "lab": lab_row,
    "keys separate": keys_row,
    "run": run_row,
    "status": status_row,
    "publish": lambda scene: scene.published,
    "import": import_row,
    "mapping check": mapping_check_row,
    "mapping new": mapping_new_row,
    "search": search_row,
    "check": check_identifiers_row,
    "follow": lambda scene: following.first_row(scene.mx),
    "show": show_row,
    "withheld list": lambda scene: ok("withheld", "list", home=scene.mx),
    "quarantine list": lambda scene: ok("quarantine", "list", home=scene.bz),
    "quarantine summary": lambda scene: ok("quarantine", "summary", home=scene.bz),
    "quarantine purge": lambda scene: ok("quarantine", "purge", "--code", "equivocation", home=scene.bz),
    "pending list": lambda scene: ok("pending", "list", home=scene.bz),
    "pending drop": lambda scene: ok("pending", "drop", "--all", home=scene.mx),
    "reread": lambda scene: ok("reread", "keys.gt", "--from", 1, home=scene.bz),
    "outbox list": outbox_list_row,
    "outbox withdraw": outbox_withdraw_row,
    "outbox resend": outbox_resend_row,
    "findings list": lambda scene: finding_rows.listed(scene.gt),
    "findings acknowledge": lambda scene: finding_rows.acknowledged(scene.gt),
    "quarantine show": quarantine_row,
    "quarantine retry": lambda scene: ok("quarantine", "retry", "--all", home=scene.bz, exit_code=1),
    "webhook create": lambda scene: webhook_rows.created(scene.bz),
    "webhook list": lambda scene: webhook_rows.listed(scene.bz),
    "webhook delete": lambda scene: webhook_rows.deleted(scene.bz),
    "webhook deliveries": lambda scene: webhook_rows.dead_deliveries(scene.bz),
    "webhook resend": lambda scene: webhook_rows.sent_again(scene.bz),
    "db check": lambda scene: ok("db", "check", home=scene.bz),
    "db copy": copy_row,
    "db upgrade": lambda scene: ok("db", "upgrade", home=scene.bz),
    "backup": lambda scene: ok("backup", scene.folder / "bz.backup", "--with-keys", home=scene.bz),
    "restore": restore_row,
    "adopt": adopt_row,
    "clock show": lambda scene: ok("clock", "show", home=scene.bz),
    "clock confirm": lambda scene: ok("clock", "confirm", home=scene.bz),
    "receipts": lambda scene: ok("receipts", scene.published[0]["report_id"], home=scene.bz),
    "policy explain": explain_row,
    "governance keygen": keygen_row,
    "governance new": new_row,
    "governance sign": sign_row,
    "governance check": check_row,
    "governance show": governance_show_row,
    "governance install": install_row,
    "doctor": lambda scene: ok("doctor", home=scene.bz),
    "top": lambda scene: ok("top", "--once", home=scene.bz),
    "broker provision": provision_row,
    "broker check": broker_check_row,
    "broker rights": rights_row,
    "broker local start": local_start_row,
    "broker local stop": local_stop_row,
    "audit replay": replay_row,
    "gateway run": lambda scene: token_rows.gateway(scene.bz),
    "token create": lambda scene: token_rows.created(scene.bz),
    "token list": lambda scene: token_rows.listed(scene.bz),
    "token revoke": lambda scene: token_rows.revoked(scene.bz),
    "access list": lambda scene: ok("access", "list", home=scene.bz),
    "access verify": lambda scene: ok("access", "verify", home=scene.bz),
    "config explain": config_row,
    "version": version_row,
    "explain": explain_code_row,
}
NEVER_FILLED = {
    "mapping new": {"problems", "rows.warnings"},  # a draft has none, and its rows are refused until it is filled in
    "db check": {"findings"},  # the store is whole
    **{command: {"findings"} for command in ("db copy", "access verify")},
    "clock show": {"heads_in_future"},  # the clock was always right
    "clock confirm": {"corrected"},
    "db upgrade": {"findings"},
    "governance new": {"signatures"},  # a document that was just compiled has none
    "broker provision": {"drift"},  # nothing differs on an embedded log that was just provisioned
}


def commands_of(group: Any, prefix: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


def test_the_table_lists_each_command_that_exists_and_no_other() -> None:
    assert set(COMMANDS) == set(commands_of(typer.main.get_command(app)))
    assert list(COMMANDS) == list(SCENARIOS)


@pytest.mark.parametrize("command", SCENARIOS)
def test_a_command_answers_with_the_keys_of_its_row(command: str, scene: Scene) -> None:
    row = COMMANDS[command]
    shape: Shape = shape_of(row["keys"])
    seen: set[str] = set()
    answers = SCENARIOS[command](scene)

    assert answers
    for answer in answers:
        check_shape(answer, shape, seen)
    assert seen == set(lists_of(shape)) - NEVER_FILLED.get(command, set())


@pytest.mark.parametrize("command", SCENARIOS)
def test_an_option_that_no_command_has_is_a_usage_error(command: str) -> None:
    ran = cli(*command.split(" "), "--no-such-option", "x")

    assert ran.exit == 2
    assert ran.error["code"] == "usage"
    assert ran.error["path"] == "--no-such-option"


@pytest.mark.parametrize("usage", [code(row["command"]) for row in ROWS])
def test_a_command_takes_each_option_of_its_row_and_describes_it(usage: str) -> None:
    words = command_of(usage).split(" ")
    ran = cli(*words, "--help", json_=False)
    options = {word.strip("[]") for word in usage.split(" ") if word.strip("[]").startswith("--")}

    assert ran.exit == 0
    assert all(option in ran.out for option in {*options, "--json"})


def with_search_raising(error: BaseException, scene: Scene) -> Ran:
    async def search(*_: object, **__: object) -> None:
        raise error

    with patch.object(consult, "search", search):
        return cli("search", "--all", home=scene.bz)


EXITS: dict[int, Callable[[Scene], Ran]] = {
    0: lambda scene: cli("status", home=scene.bz),
    1: lambda scene: cli("publish", "-", home=scene.bz, data=b"{}"),
    2: lambda scene: cli("search", home=scene.bz),
    4: lambda scene: cli("run", home=scene.bz),
    70: lambda scene: with_search_raising(RuntimeError("a bug"), scene),
    130: lambda scene: with_search_raising(KeyboardInterrupt(), scene),
}


@pytest.mark.parametrize("row", tables("contract.md", "### Exit codes")[0], ids=lambda row: row["meaning"][:20])
def test_each_exit_code_of_the_table_is_reached(row: dict[str, str], scene: Scene) -> None:
    ran = EXITS[int(row["exit"])](scene)

    assert ran.exit == int(row["exit"])
    assert len(EXITS) == len(tables("contract.md", "### Exit codes")[0])


def test_a_state_that_is_not_reached_in_time_is_printed_and_ends_with_4(scene: Scene) -> None:
    home = scene.folder / "another" / "bz"
    ok("publish", "-", home=home, data=text_of())
    ran = cli("status", "--until", "drained", "--timeout", "0.2", home=home)
    [answer] = ran.objects
    error = answer.pop("error")

    assert ran.exit == 4
    assert error["code"] == "timed_out"
    assert error["hint"] == "look at `outbox`, `streams`, `bus` and `problems` of the answer, or give more seconds"
    check_shape(answer, shape_of(COMMANDS["status"]["keys"]), set())
    assert answer["outbox"]["accepted"] == 1
    assert cli("status", "--until", "drained", "--timeout", "0", home=home, json_=False).exit == 4


def test_a_second_daemon_of_a_home_is_refused(scene: Scene) -> None:
    ran = cli("run", home=scene.gt)

    assert ran.exit == 4
    assert ran.error["code"] == "already_running"


def test_a_bug_is_named_as_a_bug_with_its_trace_in_a_log_line(scene: Scene) -> None:
    ran = with_search_raising(RuntimeError("a bug"), scene)
    [line] = [json.loads(text) for text in ran.err.splitlines()]

    assert ran.error["code"] == "bug"
    assert line["event"] == "bug"
    assert "RuntimeError: a bug" in line["exception"]


def test_stdout_is_json_lines_in_a_process_of_its_own_and_logs_are_json_lines_on_stderr(scene: Scene) -> None:
    stray = scene.folder / "another" / "bz" / "documents" / "stray.signed"
    stray.write_bytes(b"no document")
    command = [str(ENLACE), "publish", "-", "--dry-run", "--json", "--home", str(scene.folder / "another" / "bz")]
    done = subprocess.run(command, input=text_of() + b"\nnonsense\n", capture_output=True, check=False)
    stray.unlink()
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    logs = [json.loads(line) for line in done.stderr.splitlines()]
    check_forms([lines, logs])

    assert done.returncode == 1
    assert [line["outcome"] for line in lines] == ["duplicate", "refused"]
    assert [(log["event"], log["level"]) for log in logs] == [("document_without_effect", "warning")]


def test_a_reader_of_stdout_that_closes_it_early_is_not_an_error(scene: Scene) -> None:
    command = [str(ENLACE), "search", "--all", "--home", str(scene.bz)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (0, b"")


def test_an_argument_that_is_not_utf8_is_a_usage_error() -> None:
    assert cli("search", "--text", "\udcff").error["code"] == "usage"


def test_without_json_an_error_is_text_on_stderr_and_stdout_stays_empty() -> None:
    ran = cli("search", json_=False)

    assert ran.exit == 2
    assert ran.out == ""
    assert ran.err.startswith("enlace: ")


@pytest.mark.parametrize("command", [(), ("policy",), ("governance",), ("withheld",), ("quarantine",)])
def test_a_group_without_a_command_shows_its_help_and_ends_with_2(command: tuple[str, ...]) -> None:
    ran = cli(*command, json_=False)

    assert ran.exit == 2
    assert "Usage" in ran.out
    assert ran.err == ""
