"""`check` as a border post uses it: a process whose pipes stay open."""

import json
import os
import resource
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pytest

from node.cli import checking
from tests.support.contract import cli, ok, step
from tests.support.exchange import report
from tests.support.processes import ENLACE, agreement, lab

ANSWER_SECONDS_MAX = 60.0  # two cores may be busy with other tests
WHY = ("--purpose", "CROSS_CHECKING", "--reason", "Control 17")


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """GT holds a report of BZ about a vessel. It has neither its private keys nor the log any more."""
    folder = tmp_path_factory.mktemp("check")
    made = lab(folder, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
    h3 = {"handling": ["H1", "H3"], "handling_text": "Ask Belize first."}
    ok("publish", "-", home=made["BZ"], data=json.dumps(report(retain_until="2035-12-31", **h3)).encode())
    step(*made.values())
    (made["GT"] / "unsafe-keys.json").unlink()
    (folder / "lab" / "log.db").unlink()
    return made


@pytest.fixture
def post(homes: dict[str, Path]) -> Iterator[subprocess.Popen[bytes]]:
    """A `check` at GT that runs, and is ended by the test."""
    command = [str(ENLACE), "check", *WHY, "--home", str(homes["GT"]), "--json"]
    process = subprocess.Popen(
        command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    yield process
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        with suppress(BrokenPipeError):
            pipe(stream).close()


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def answer(post: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The next line of its output."""
    readable, _, _ = select.select([pipe(post.stdout)], [], [], ANSWER_SECONDS_MAX)
    assert readable, "there is no answer"
    line: dict[str, Any] = json.loads(pipe(post.stdout).readline())
    return line


def say(post: subprocess.Popen[bytes], data: bytes) -> None:
    while data:
        data = data[pipe(post.stdin).write(data) :]


def test_each_line_is_answered_before_the_next_one_comes(post: subprocess.Popen[bytes]) -> None:
    """Without keys, bus and daemon; a handheld reader ends its lines with CR."""
    lines = ((b"NAME=sea test\n", True), (b"PLATE=X1\r", False), (b"nonsense\n", None))
    for number, (line, hit) in enumerate(lines, start=1):
        say(post, line)
        given = answer(post)
        assert (given["line"], given["hit"]) == (number, hit)
    pipe(post.stdin).close()

    assert post.wait(ANSWER_SECONDS_MAX) == 1


def test_a_reader_that_leaves_ends_it_without_a_word(post: subprocess.Popen[bytes]) -> None:
    """The next question has nobody to answer to."""
    say(post, b"NAME=sea test\n")
    answer(post)
    pipe(post.stdout).close()
    say(post, b"NAME=sea test\n")

    assert post.wait(ANSWER_SECONDS_MAX) == 0
    assert pipe(post.stderr).read() == b""


def test_it_is_interrupted_while_it_waits(post: subprocess.Popen[bytes]) -> None:
    """By the keyboard, with the exit code of the contract."""
    say(post, b"NAME=sea test\n")
    answer(post)
    post.send_signal(signal.SIGINT)

    assert post.wait(ANSWER_SECONDS_MAX) == 130
    assert b"Traceback" not in pipe(post.stderr).read()


def test_an_endless_line_does_not_fill_the_memory(post: subprocess.Popen[bytes]) -> None:
    """250 MB without a line end, in a process that may have 150 MB more; then a question is answered."""
    say(post, b"NAME=sea test\n")
    answer(post)
    used = int(Path(f"/proc/{post.pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.prlimit(post.pid, resource.RLIMIT_AS, (used + 150_000_000, used + 150_000_000))
    for _ in range(250):
        say(post, b"x" * 1_000_000)
    say(post, b"\nNAME=sea test\n")

    assert [error["code"] for error in answer(post)["errors"]] == ["too_large"]
    assert answer(post)["hit"] is True


def test_a_hit_shows_the_conditions_of_its_use(homes: dict[str, Path]) -> None:
    """H3 has its condition in words."""
    [hit] = ok("check", *WHY, home=homes["GT"], data=b"NAME=Sea Test")
    [match] = hit["matches"]

    assert (match["originator"], match["handling"], match["handling_text"]) == ("BZ", ["H1", "H3"], "Ask Belize first.")
    assert match["evaluation"] == {"grid": "4x4", "source": "B", "information": "2"}
    assert match["subjects"] == ["DRUG_TRAFFICKING"]


def test_the_originator_finds_its_own_report(homes: dict[str, Path]) -> None:
    [hit] = ok("check", *WHY, home=homes["BZ"], data=b"NAME=Sea Test")

    assert [match["originator"] for match in hit["matches"]] == ["BZ"]


def test_a_file_is_answered_line_by_line_however_long_it_is(
    homes: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More lines than one transaction takes, and than one read returns."""
    monkeypatch.setattr(checking, "QUESTIONS_TOGETHER_MAX", 7)
    monkeypatch.setattr(checking, "READ_SIZE_BYTES", 256)
    file = tmp_path / "questions.txt"
    file.write_text("".join(f"PLATE=P{number}\r\n" for number in range(100)) + "NAME=sea test")

    answers = ok("check", file, *WHY, home=homes["GT"])
    assert [given["line"] for given in answers] == list(range(1, 102))
    assert [given["hit"] for given in answers] == [False] * 100 + [True]


@pytest.mark.parametrize(
    ("options", "path", "code"),
    [
        ((), "--purpose", "purpose_missing"),
        (("--reason", "x"), "--purpose", "purpose_missing"),
        (("--purpose", "CROSS_CHECKING"), "--reason", "purpose_missing"),
        (("--purpose", "CROSS_CHECKING", "--reason", " "), "--reason", "purpose_missing"),
        (("--purpose", "CURIOSITY", "--reason", "x"), "--purpose", "unknown_code"),
    ],
)
def test_purpose_and_reason_are_demanded_before_anything_is_read(
    homes: dict[str, Path], options: tuple[str, ...], path: str, code: str
) -> None:
    ran = cli("check", *options, home=homes["GT"], data=b"NAME=sea test\n")

    assert (ran.exit, ran.error["path"], ran.error["code"]) == (2, path, code)


def test_no_question_is_no_error(homes: dict[str, Path]) -> None:
    """For a person it says so."""
    for data in (b"", b"\n \r\n"):
        assert ok("check", *WHY, home=homes["GT"], data=data) == []
    assert cli("check", "-", *WHY, home=homes["GT"], json_=False).err == "no question was asked\n"


def test_a_file_that_cannot_be_read_is_named(homes: dict[str, Path], tmp_path: Path) -> None:
    for file in (tmp_path / "missing.txt", tmp_path):
        ran = cli("check", file, *WHY, home=homes["GT"])
        assert (ran.exit, ran.error["code"], ran.error["path"]) == (2, "file_unreadable", "FILE")
