"""The daemon: takes up documents while it runs, survives a log that is away, and dies of a bug with its own code."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broker.embedded.log import EmbeddedLog
from broker.log import Fetched, LogStuck
from node.errors import RestartNeeded
from node.runtime import daemon
from node.runtime.home import open_home
from node.runtime.open_node import open_node
from node.runtime.reader_processes import ReaderProcesses
from tests.support.exchange import report
from tests.support.processes import (
    Daemon,
    agreement,
    enlace,
    lab,
    ok,
    running,
    search_all,
    settle,
    until,
)

BUG = 70


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Path]:
    return lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))


def publish(home: Path, tmp_path: Path, **changes: object) -> str:
    import json

    file = tmp_path / "report.json"
    file.write_text(json.dumps(report(**changes)))
    [answer] = ok("publish", file, home=home)
    return str(answer["report_id"])


def counts(home: Path) -> dict[str, int]:
    [status] = ok("status", home=home)
    found: dict[str, int] = status["counts"]
    return found


def test_a_message_under_an_agreement_that_is_not_installed_yet_waits_until_it_is(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    """The daemon looks again at what waits as soon as the operator installs the agreement."""
    [document] = (homes["GT"] / "documents").glob("agreement-*")
    kept = tmp_path / document.name
    shutil.move(document, kept)
    with running(*homes.values()):
        report_id = publish(homes["BZ"], tmp_path)
        until(lambda: counts(homes["GT"])["waiting"] == 1)
        ok("governance", "install", kept, home=homes["GT"])
        until(lambda: counts(homes["GT"])["stored"] == 1)

        assert [row["report_id"] for row in search_all(homes["GT"])] == [report_id]
        assert counts(homes["GT"])["waiting"] == 0


def test_a_new_agreement_admits_the_next_report_without_a_restart(tmp_path: Path) -> None:
    """Who joins later gets later material; what was sealed before stays with its audience."""
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"], ("CONTRABAND",)))
    text = tmp_path / "wider.toml"
    text.write_text(agreement("BZ-GT-2", ["BZ", "GT"]))
    with running(*homes.values()):
        before = publish(homes["BZ"], tmp_path)
        settle(*homes.values())
        ok("governance", "new", "agreement", text, home=homes["BZ"])
        signed = tmp_path / "wider.toml.signed"
        for home in homes.values():
            ok("governance", "sign", signed, home=home)
        for home in homes.values():
            ok("governance", "install", signed, home=home)
        after = publish(homes["BZ"], tmp_path, narrative={"text": "Another synthetic report.", "language": "en"})
        until(lambda: counts(homes["GT"])["stored"] == 1)

        assert [row["report_id"] for row in search_all(homes["GT"])] == [after]
        assert {row["report_id"] for row in search_all(homes["BZ"])} == {before, after}


def test_drafts_wait_for_a_log_that_is_away_and_leave_when_it_comes(tmp_path: Path) -> None:
    """Accepted while the log's topics do not exist, sealed and sent once they do; the daemon is ready all the time."""
    homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    log = tmp_path / "lab" / "log.db"
    away = [path.rename(path.with_name(path.name + ".away")) for path in log.parent.glob("log.db*")]
    with running(*homes.values()):
        report_id = publish(homes["BZ"], tmp_path)
        [status] = ok("status", home=homes["BZ"])
        for path in log.parent.glob("log.db*"):
            if path not in away:
                path.unlink()
        for path in away:
            path.rename(path.with_name(path.name.removesuffix(".away")))

        assert status["outbox"] == {"accepted": 1, "sealed": 0, "sent": 0}
        until(lambda: counts(homes["GT"])["stored"] == 1)
        assert [row["report_id"] for row in search_all(homes["GT"])] == [report_id]


def test_a_bug_ends_the_daemon_with_its_own_exit_code(homes: dict[str, Path]) -> None:
    """A constraint that the store refuses is neither a bad message, an outage nor damage, so no code catches it."""
    with sqlite3.connect(homes["GT"] / "store.db") as connection:
        ok("status", home=homes["GT"])
        connection.execute("CREATE TRIGGER bug BEFORE INSERT ON knowledge BEGIN SELECT RAISE(ABORT, 'as a bug'); END")
    connection.close()
    daemon = Daemon(homes["GT"])

    assert daemon.process.wait(timeout=60) == BUG
    assert "as a bug" in daemon.log.read_text()
    daemon.kill()


def test_a_damaged_store_ends_the_daemon_with_the_exit_code_for_operators(homes: dict[str, Path]) -> None:
    """A supervisor that does not restart at 2 leaves it stopped: a new process would end in the same way."""
    change_store(homes["GT"], "DROP TABLE pending")
    daemon = Daemon(homes["GT"])

    assert daemon.process.wait(timeout=60) == 2
    daemon.kill()


def change_store(home: Path, statement: str) -> None:
    """Execute a statement on a store that is made before."""
    ok("status", home=home)
    with closing(sqlite3.connect(home / "store.db")) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_home_without_its_documents_says_what_to_install(homes: dict[str, Path]) -> None:
    for path in (homes["GT"] / "documents").iterdir():
        path.unlink()

    code, [answer] = enlace("status", home=homes["GT"])
    refused, _ = enlace("run", home=homes["GT"])

    assert code == 0, answer
    assert refused == 2


@pytest.mark.parametrize(("raised", "code"), [(LogStuck("silent"), "log_stuck"), (MemoryError(), "memory_exhausted")])
async def test_an_error_that_a_new_process_may_repair_asks_for_a_restart(
    homes: dict[str, Path], raised: Exception, code: str
) -> None:
    """The exit code 75 asks the supervisor for a restart. It is not a bug."""

    class Broken(EmbeddedLog):
        async def fetch(self, *_: object, **__: object) -> list[Fetched]:
            raise raised

    bus = Broken(homes["GT"].parent / "log.db")
    try:
        async with open_node(open_home(homes["GT"]), bus=bus) as node:
            with pytest.raises(RestartNeeded) as asked:
                await daemon.run(node, lambda: None, ReaderProcesses(homes["GT"], 1))
    finally:
        await bus.close()

    assert (asked.value.code, asked.value.exit_code) == (code, 75)


def test_the_daemon_has_no_more_address_space_than_its_configuration_says(homes: dict[str, Path]) -> None:
    with running(homes["GT"]) as [gt]:
        limits = Path(f"/proc/{gt.process.pid}/limits").read_text()

    [line] = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert line.split()[3] == str(1024 * 1024 * 1024)


def test_a_log_of_a_later_version_is_a_usage_error(homes: dict[str, Path]) -> None:
    """Nothing of it is touched, and `status` says it beside everything else."""
    with sqlite3.connect(homes["GT"].parent / "log.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    code, [answer] = enlace("broker", "check", home=homes["GT"])
    _, [status] = enlace("status", home=homes["GT"])

    assert (code, answer["error"]["code"]) == (2, "bus_unusable")
    assert "version 99" in status["bus"]
