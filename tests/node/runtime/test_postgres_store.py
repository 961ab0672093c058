"""A node on a PostgreSQL store: its daemon, several reading processes, and commands in other processes."""

import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import postgres
from tests.support.contract import cli, step
from tests.support.exchange import report
from tests.support.processes import ENLACE, Daemon, agreement, enlace, lab, ok, publish, running, search_all, settle

WRITERS = ("BZ", "MX")
READER = "GT"
NODES = [*WRITERS, READER]


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    """A server that the tests of this file stop and start."""
    made = postgres.Server(durable=True)
    made.start()
    yield made
    made.close()


@pytest.fixture
def homes(tmp_path: Path, server: postgres.Server) -> dict[str, Path]:
    """Three nodes whose stores are databases of the server."""
    made = lab(tmp_path, NODES, agreement("ALL", NODES))
    for code, home in made.items():
        server.execute(f"DROP DATABASE IF EXISTS {code.lower()} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {code.lower()}")
        with (home / "node.toml").open("a") as file:
            file.write(f'\n[store]\nurl = "{server.url(code.lower())}"\n')
    return made


def lines(*words: str) -> bytes:
    return b"\n".join(json.dumps(report(narrative={"text": word, "language": "en"})).encode() for word in words)


def test_several_reading_processes_and_commands_share_a_store(homes: dict[str, Path]) -> None:
    """Each report is accepted once and stored once, whatever runs beside the daemon."""
    daemon = Daemon(homes[READER], {"ENLACE_NODE__PROCESSES": "2"})
    daemon.ready()

    def publish_in_a_process(number: int) -> list[str]:
        command = [str(ENLACE), "publish", "-", "--json", "--home", str(homes[WRITERS[number % 2]])]
        ran = subprocess.run(command, input=lines(f"text {number}", "the same text"), capture_output=True, check=True)
        answers = [json.loads(line) for line in ran.stdout.splitlines()]
        assert {answer["outcome"] for answer in answers} <= {"accepted", "duplicate"}, answers
        return [answer["report_id"] for answer in answers]

    with ThreadPoolExecutor(2) as pool:
        sent = {id_ for ids in pool.map(publish_in_a_process, range(4)) for id_ in ids}
    step(*(homes[code] for code in WRITERS))
    settle(homes[READER])
    held = sorted(row["report_id"] for row in search_all(homes[READER]))
    own = [row["report_id"] for code in WRITERS for row in search_all(homes[code], originator=code)]
    states = [ok("status", home=home)[0] for home in homes.values()]

    assert len(sent) == 6  # one of each number, and the same text of each writer
    assert held == sorted(own) == sorted(sent)
    assert [(state["findings"], state["counts"]["quarantined"], state["counts"]["waiting"]) for state in states] == [
        ([], 0, 0)
    ] * 3
    assert daemon.stop()[0] == 0


def test_a_daemon_goes_on_by_itself_after_a_crash_of_the_server(
    homes: dict[str, Path], server: postgres.Server
) -> None:
    """Commands end with 4 meanwhile; what was accepted before is sent, and nothing is stored twice."""
    with running(homes["BZ"], homes[READER]) as daemons:
        sent = publish(homes["BZ"], "before the crash")
        settle(homes["BZ"], homes[READER])
        sent += publish(homes["BZ"], *(f"text {number}" for number in range(20)))
        server.stop("immediate")
        code, answers = enlace("publish", "-", home=homes["BZ"], data=lines("while it is away"))
        status, _ = enlace("status", home=homes["BZ"])
        server.start()
        sent += publish(homes["BZ"], "after the crash")
        settle(homes["BZ"], homes[READER])

        assert [daemon.process.poll() for daemon in daemons] == [None, None]
    [answer] = answers

    assert (code, status, answer["error"]["code"], answer["error"]["path"]) == (4, 4, "store_unavailable", "store.url")
    for home in (homes["BZ"], homes[READER]):
        assert sorted(row["report_id"] for row in search_all(home)) == sorted(sent)
        assert ok("status", home=home)[0]["findings"] == []
    assert all("unavailable" in daemon.log.read_text() for daemon in daemons)


def test_a_store_has_one_daemon_also_from_two_homes(homes: dict[str, Path], tmp_path: Path) -> None:
    """The daemon of a copy of the home, and a copy of the store, end with 4 while the daemon works on it."""
    twin = tmp_path / "twin"
    shutil.copytree(homes[READER], twin)
    url = tomllib.loads((twin / "node.toml").read_text())["store"]["url"]
    with running(homes[READER]) as [daemon]:
        second = Daemon(twin)
        ended = second.process.wait(60)
        log = second.log.read_text()
        second.kill()
        copied = cli("db", "copy", url, f"sqlite:///{tmp_path / 'copy.db'}", "--home", str(twin))

        assert daemon.process.poll() is None
    assert (ended, copied.exit) == (4, 4)
    assert "already_running" in log
    assert copied.error["code"] == "store_in_use"


def test_a_url_with_a_password_is_masked_everywhere(homes: dict[str, Path], tmp_path: Path) -> None:
    """In `config explain`, in errors and in the log of the daemon."""
    shown = []
    url = f"postgresql+psycopg://enlace:s3cret@/gt?host={tmp_path / 'nowhere'}"
    env = {"ENLACE_STORE__URL": url}
    for command in (("config", "explain"), ("status",), ("search", "--text", "x")):
        ran = cli(*command, home=homes[READER], env=env)
        shown.append(ran.out + ran.err)
    daemon = Daemon(homes[READER], env)
    ended = daemon.process.wait(60)
    shown.append(daemon.log.read_text())
    daemon.kill()

    assert "enlace:***@" in shown[0]
    assert "store_unavailable" in shown[1] + shown[2]
    assert not any("s3cret" in text for text in shown)
    assert ended == 4


def test_a_wrong_url_is_a_usage_error_of_each_command(homes: dict[str, Path]) -> None:
    """A server elsewhere without verified TLS, and a file that is not there."""
    for rest, code in (
        ("@db.example/gt?sslmode=disable", "store_unprotected"),
        ("@db.example/gt", "tls_incomplete"),
        ("@db.example/gt?sslrootcert=absent.pem", "file_unreadable"),
        ("@/gt?color=blue", "store_url_invalid"),
    ):
        env = {**os.environ, "ENLACE_STORE__URL": f"postgresql+psycopg://enlace{rest}"}
        exit_code, [answer] = enlace("status", home=homes[READER], env=env)

        assert (exit_code, answer["error"]["code"], answer["error"]["path"]) == (2, code, "store.url")
