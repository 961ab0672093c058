"""`enlace top` through a real pseudo-terminal, a pipe and a dumb terminal."""

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node.errors import Unavailable
from node.metrics.figures import Figures, look_at_figures
from node.runtime.home import open_home
from node.top import live_view
from tests.support.contract import cli
from tests.support.processes import ENLACE, agreement, lab, ok

OTHER_SCREEN, FIRST_SCREEN, HIDDEN, SHOWN = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25l", "\x1b[?25h"
SECONDS_MAX = 30.0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of BZ, with a store."""
    found = lab(tmp_path_factory.mktemp("top"), ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    ok("status", home=found)
    return found


@dataclass
class Terminal:
    """`enlace top` on a terminal of 80 by 24."""

    process: subprocess.Popen[bytes]
    screen: int
    before: list[object]
    seen: str = ""
    keys: list[str] = field(default_factory=list)

    def until(self, text: str, times: int = 1) -> None:
        """Read until the terminal has shown a text so often."""
        end = time.monotonic() + SECONDS_MAX
        while self.seen.count(text) < times:
            readable, _, _ = select.select([self.screen], [], [], max(0, end - time.monotonic()))
            assert readable, self.seen[-2000:]
            try:
                self.seen += os.read(self.screen, 65536).decode("utf-8", "replace")
            except OSError:
                break

    def press(self, keys: bytes) -> None:
        os.write(self.screen, keys)

    def ended(self) -> int:
        """The exit code; reads what is left."""
        end = time.monotonic() + SECONDS_MAX
        while self.process.poll() is None and time.monotonic() < end:
            readable, _, _ = select.select([self.screen], [], [], 0.05)
            if readable:
                try:
                    self.seen += os.read(self.screen, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        code = self.process.wait(SECONDS_MAX)
        while select.select([self.screen], [], [], 0)[0]:
            try:
                self.seen += os.read(self.screen, 65536).decode("utf-8", "replace")
            except OSError:
                break
        return code


@contextmanager
def terminal(home: Path, *options: str, term: str = "xterm-256color") -> Iterator[Terminal]:
    """Start the command as the only program of a new terminal."""
    screen, keyboard = pty.openpty()
    termios.tcsetwinsize(keyboard, (24, 80))
    environment = {**os.environ, "TERM": term, "ENLACE_HOME": str(home)}
    command = [str(ENLACE), "top", "--interval", "0.2", *options]
    process = subprocess.Popen(
        command, stdin=keyboard, stdout=keyboard, stderr=keyboard, env=environment, start_new_session=True
    )
    opened = Terminal(process, screen, termios.tcgetattr(keyboard))
    try:
        yield opened
        assert termios.tcgetattr(keyboard) == opened.before
    finally:
        process.kill()
        process.wait()
        os.close(screen)
        os.close(keyboard)


@pytest.mark.parametrize("keys", [b"q", b"Q"])
def test_the_view_replaces_its_frames_and_ends_with_a_key(home: Path, keys: bytes) -> None:
    """Each frame is written over the last one, without an empty screen between; the terminal is as before."""
    with terminal(home) as view:
        view.until("Enlace BZ", times=3)
        view.press(keys)
        assert view.ended() == 0

    assert view.seen.startswith(OTHER_SCREEN + HIDDEN)
    assert view.seen.rstrip().endswith(SHOWN + FIRST_SCREEN)
    assert view.seen.count("\x1b[H") >= 3
    assert "\x1b[2J" not in view.seen
    frames = view.seen.split("\x1b[H")[1:]
    assert max(frame.count("\n") for frame in frames[:3]) < 24
    assert "daemon" in view.seen
    assert "PROBLEMS" in view.seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_view_and_leaves_the_terminal_as_it_was(home: Path, number: signal.Signals) -> None:
    with terminal(home) as view:
        view.until("Enlace BZ")
        view.process.send_signal(number)
        assert view.ended() == 0

    assert view.seen.rstrip().endswith(SHOWN + FIRST_SCREEN)
    assert "Traceback" not in view.seen


def test_another_size_of_the_terminal_is_used_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some shells export the size that the terminal had when they began."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    with terminal(home, "--interval", "3600") as view:
        view.until("q ends")
        termios.tcsetwinsize(view.screen, (5, 40))
        view.process.send_signal(signal.SIGWINCH)
        view.until("\x1b[2J\x1b[H")
        view.until("\x1b[J", times=2)
        view.press(b"q")
        assert view.ended() == 0

    last = view.seen.split("\x1b[H")[-1].split(SHOWN)[0]
    assert last.count("\n") < 5


def test_a_terminal_that_cannot_move_its_cursor_gets_one_frame_below_the_other(home: Path) -> None:
    with terminal(home, term="dumb") as view:
        view.until("Enlace BZ", times=2)
        view.process.send_signal(signal.SIGINT)
        assert view.ended() == 0

    assert "\x1b" not in view.seen


async def test_a_look_that_fails_is_named_and_the_next_one_follows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without somebody who hears of it, the error is raised."""
    real, failures = look_at_figures, [Unavailable("store_unavailable", "away"), None]

    async def look(*arguments: Any) -> Figures:
        if failures and (failure := failures.pop(0)) is not None:
            raise failure
        return await real(*arguments)

    monkeypatch.setattr(live_view, "look_at_figures", look)
    stopping, heard = asyncio.Event(), list[str]()
    opened = open_home(home)
    async with aclosing(
        live_view.looks(opened, interval=0, stopping=stopping, on_failure=lambda error: heard.append(error.code))
    ) as seen:
        assert (await anext(seen)).node == "BZ"
    assert heard == ["store_unavailable"]
    failures.append(Unavailable("store_unavailable", "away"))
    async with aclosing(live_view.looks(opened, interval=0, stopping=stopping)) as seen:
        with pytest.raises(Unavailable):
            await anext(seen)


def test_one_frame_for_a_script(home: Path) -> None:
    """As text without control characters, and as JSON with the keys of the contract."""
    plain = cli("top", "--once", home=home)
    [answer] = plain.objects

    assert plain.exit == 0
    assert answer["node"] == "BZ"
    assert answer["published_per_second"] is None
    assert [problem["code"] for problem in answer["problems"]] == ["daemon_down"]
    shown = subprocess.run(
        [str(ENLACE), "top", "--once", "--home", str(home)], capture_output=True, text=True, check=True
    )
    assert "Enlace BZ   daemon DOWN" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_looks_go_on_into_a_pipe_until_the_reader_ends(home: Path) -> None:
    """With --json one object a line; rates come with the second."""
    command = [str(ENLACE), "top", "--json", "--interval", "0.2", "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first, second = (json.loads(process.stdout.readline()) for _ in range(2))
        process.stdout.close()
        assert process.wait(SECONDS_MAX) == 0
        assert process.stderr.read() == b""

    assert first["published_per_second"] is None
    assert second["published_per_second"] == 0


def test_a_home_without_a_store_is_an_error(tmp_path: Path) -> None:
    [home, _] = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"])).values()
    (home / "store.db").unlink()
    ran = cli("top", "--once", home=home)

    assert (ran.exit, ran.objects[0]["error"]["code"]) == (2, "store_missing")


@pytest.mark.parametrize("interval", ["0", "-1", "nan", "x", "1e9"])
def test_an_interval_that_makes_no_sense_is_refused(home: Path, interval: str) -> None:
    ran = cli("top", "--once", "--interval", interval, home=home)

    assert (ran.exit, ran.objects[0]["error"]["path"]) == (2, "--interval")
