"""Each command without stdin, stdout or stderr, and with a full disk behind them; a daemon that loses its log."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer.main

from broker.embedded.file import LogFile
from node.cli.main import app
from node.errors import Unavailable
from node.standard_streams import AnswerStream, LogStream, ReaderGone
from tests.support.contract import tables
from tests.support.exchange import report
from tests.support.processes import ENLACE, agreement, lab, ok, publish
from tests.support.stream_faults import FAULTS

ROOT: Final = Path(__file__).parents[3]
LOST: Final = 4
DOCUMENTED: Final = {0, 1, 2, 4}
NO_JVM: Final = ["--brokers", "2"]  # refused before a broker starts


def commands() -> Iterator[str]:
    """The name of each command of the command line, except the daemon."""

    def walk(command: Any, name: str) -> Iterator[str]:
        if hasattr(command, "commands"):
            for part, inner in command.commands.items():
                yield from walk(inner, f"{name} {part}".strip())
        else:
            yield name

    return (name for name in walk(typer.main.get_command(app), "") if name != "run")


COMMANDS: Final = sorted(commands())


class Scene:
    """An exchange with a published report, and arguments with which a command answers."""

    def __init__(self, folder: Path) -> None:
        self.homes = lab(folder, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
        [self.report_id] = publish(self.homes["BZ"], "cedar")
        self.file = folder / "report.json"
        self.file.write_text(json.dumps(report()))
        self.root = str(next((self.homes["BZ"] / "documents").glob("*root*")))

    def arguments(self, command: str) -> list[str]:
        """The command with its arguments. A command without a line here lacks some, and answers with an error."""
        file = str(self.file)
        given = {
            "search": ["--all"],
            "publish": [file],
            "show": [self.report_id],
            "receipts": [self.report_id],
            "explain": ["chain_gap"],
            "top": ["--once"],
            "policy explain": ["--from", "BZ", "--to", "GT", "--report", file],
            "governance check": [self.root],
            "governance show": [self.root],
            "broker local start": NO_JVM,
            "broker local stop": NO_JVM,
        }.get(command, [])
        known = [] if command in ("version", "explain", "lab") or "local" in command else ["--home", str(self.home)]
        return [*command.split(), *given, *known, "--json"]

    @property
    def home(self) -> Path:
        """The home of the originator."""
        return self.homes["BZ"]


Results = dict[tuple[str, str], tuple[int, str, str]]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("streams"))


@pytest.fixture(scope="module")
def results(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """(fault, command) -> exit code, stdout and stderr."""
    cases = [(fault, command) for fault in ("none", *FAULTS) for command in COMMANDS]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.stream_faults", str(tmp_path_factory.mktemp("run"))],
        input=json.dumps([(fault, scene.arguments(command)) for fault, command in cases]),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return {case: (code, out, err) for case, (code, out, err) in zip(cases, json.loads(ran.stdout), strict=True)}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_without_stdout_says_so_by_its_exit_code(results: Results, command: str) -> None:
    """4 if it would have answered. An error keeps its own exit code, and goes to stderr."""
    normal, out, _ = results["none", command]
    assert normal in DOCUMENTED
    if not out:  # nothing was found, so there is nothing to answer
        out = '{"error":{"code":null}}' if normal else ""
    for fault in ("stdout closed", "stdout full"):
        code, _, err = results[fault, command]
        failed = '{"error"' in out
        assert code == (normal if failed or not out else LOST), err
        assert "Traceback" not in err
        if out:
            expected = json.loads(out.splitlines()[-1])["error"]["code"] if failed else "answer_unwritable"
            assert json.loads(err.splitlines()[-1])["error"]["code"] == expected


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_without_stderr_or_stdin_answers_as_usual(results: Results, command: str) -> None:
    normal, out, err = results["none", command]
    assert "Traceback" not in err
    code, answered, _ = results[FAULTS[-1], command]

    assert (code, bool(answered)) == (normal, bool(out))


def test_the_exit_code_of_a_lost_answer_is_documented() -> None:
    [errors] = tables("errors.md", "## Errors of commands")

    assert [row["exit"] for row in errors if row["code"] == "`answer_unwritable`"] == [str(LOST)]


def shell(line: str, *, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a line of bash; `enlace` is on its path."""
    path = f"{ENLACE.parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", line], input=data, capture_output=True, timeout=60, check=False, env={**os.environ, "PATH": path}
    )


def test_publish_without_stdin_is_an_error_of_usage(scene: Scene) -> None:
    ran = shell(f"enlace publish - --home {scene.home} --json <&-")

    assert ran.returncode == 2
    assert json.loads(ran.stdout)["error"]["code"] == "file_unreadable"
    assert b"without standard input" in ran.stdout


@pytest.mark.parametrize("output", [">&-", ">/dev/full"])
def test_what_was_accepted_stays_accepted_when_the_answer_is_lost(scene: Scene, output: str) -> None:
    """The same report again is a duplicate."""
    text = json.dumps(report(narrative={"text": f"lost {output}", "language": "en"})).encode()
    ran = shell(f"enlace publish - --home {scene.home} --json {output}", data=text)
    [again] = ok("publish", "-", home=scene.home, data=text)

    assert ran.returncode == LOST
    assert json.loads(ran.stderr)["error"]["code"] == "answer_unwritable"
    assert again["outcome"] == "duplicate"


def test_the_help_on_a_full_disk_has_no_traceback() -> None:
    ran = shell("enlace --help >/dev/full")

    assert ran.returncode == LOST
    assert b"Traceback" not in ran.stderr


def test_a_closed_stdout_does_not_give_its_number_to_the_store() -> None:
    """What a library writes to descriptor 1 or 2 must not reach a file that was opened in its place."""
    code = (
        "import os\nfrom node.standard_streams import protect_standard_streams as p\np()\n"
        "f = os.open(os.devnull, os.O_RDONLY)\nraise SystemExit(0 if f > 2 else 1)"
    )

    assert shell(f"{sys.executable} -c '{code}' <&- >&- 2>&-").returncode == 0


# The daemon.


def fill(write: int) -> int:
    """Fill a pipe; returns the number of bytes."""
    os.set_blocking(write, False)
    filled = 0
    try:
        while True:
            filled += os.write(write, b"x")
    except BlockingIOError:
        return filled


def poison(home: Path) -> None:
    """Write a record that nobody signed: the daemon logs it."""
    log = LogFile(home.parent / "log.db")
    log.append("keys.gt", [os.urandom(8)])
    log.close()


def quarantined(home: Path) -> int:
    [status] = ok("status", home=home)
    count: int = status["counts"]["quarantined"]
    return count


@pytest.mark.parametrize("lost", ["/dev/full", "closed", "reader gone"])
def test_a_daemon_outlives_its_output(scene: Scene, lost: str) -> None:
    """It goes on to read, and SIGTERM ends it with 0."""
    redirection = {"/dev/full": ">/dev/full 2>&1", "closed": ">&- 2>&-", "reader gone": "> >(true) 2>&1"}[lost]
    command = f"exec {ENLACE} run --home {scene.home} {redirection}"
    before = quarantined(scene.home)
    with subprocess.Popen(["bash", "-c", command], stdout=subprocess.DEVNULL) as process:
        try:
            poison(scene.home)
            deadline = time.monotonic() + 30
            while quarantined(scene.home) == before and time.monotonic() < deadline:
                assert process.poll() is None
            read = quarantined(scene.home)
            process.send_signal(signal.SIGTERM)
            code = process.wait(30)
        finally:
            process.kill()

    assert read == before + 1
    assert code == 0


SIGNALLED: Final = """
import os, sys
class Signalling:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Signalling())
from node.cli.start import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("module", ["node.standard_streams", "typer", "node.cli.daemon", "node.runtime.open_node"])
def test_a_signal_while_the_daemon_starts_shows_no_traceback(scene: Scene, number: signal.Signals, module: str) -> None:
    """The signal comes when the daemon imports the module."""
    code = SIGNALLED.format(module=module, number=int(number))
    ran = subprocess.run(
        [sys.executable, "-c", code, "run", "--home", str(scene.home)],
        capture_output=True,
        cwd=ROOT,
        check=False,
        timeout=60,
    )

    assert ran.stderr == b""
    assert ran.returncode == 0


def test_a_reader_that_stands_still_does_not_stop_the_daemon(scene: Scene) -> None:
    """The pipe of its log is full, and nobody reads it."""
    read, write = os.pipe()
    fill(write)
    os.set_blocking(write, True)
    with subprocess.Popen([str(ENLACE), "run", "--home", str(scene.home)], stderr=write, stdout=write) as process:
        os.close(write)
        try:
            before = quarantined(scene.home)
            poison(scene.home)
            deadline = time.monotonic() + 30
            while quarantined(scene.home) == before and time.monotonic() < deadline:
                assert process.poll() is None
            after = quarantined(scene.home)
        finally:
            process.kill()
            os.close(read)

    assert after == before + 1


# The streams themselves.


def test_lines_of_the_log_that_were_lost_are_counted() -> None:
    """As soon as a line can be written again, on a line of its own."""
    read, write = os.pipe()
    stream = LogStream(write)
    stream.write("first\n")
    filled = fill(write)
    stream.write("lost one\nlost two\n")

    assert stream.take_lost() == 0
    assert os.read(read, 1 << 20) == b"first\n" + b"x" * filled
    stream.write("second\n")
    assert (stream.take_lost(), stream.take_lost()) == (2, 0)
    assert os.read(read, 1 << 20) == b"second\n"
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("fault", ["closed", "full", "gone"])
def test_a_stream_of_answers_raises_and_one_of_logs_does_not(fault: str) -> None:
    descriptor = None
    if fault == "full":
        descriptor = os.open("/dev/full", os.O_WRONLY)
    elif fault == "gone":
        read, descriptor = os.pipe()
        os.close(read)
    expected = ReaderGone if fault == "gone" else Unavailable

    LogStream(descriptor).write("text\n")
    with pytest.raises(expected):
        AnswerStream(descriptor).write("text\n")
    if descriptor is not None:
        os.close(descriptor)
