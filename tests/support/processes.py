"""Starts real daemons, and runs commands beside them. Each wait has a deadline; nothing sleeps.

Commands run in this process, because a new process takes a second to start. Daemons, and commands that are killed or
run in parallel, are processes of their own.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.contract import cli
from tests.support.exchange import report

ENLACE = Path(sys.executable).parent / "enlace"
READY_SECONDS_MAX = 60.0  # two cores may be busy with other tests
STOP_SECONDS_MAX = 10.0
POLL_SECONDS = 0.02

AGREEMENT = """
id = "{name}"
version = 1
parties = [{parties}]
not_before = 2026-01-01T00:00:00Z
not_after = 2036-01-01T00:00:00Z
[[clause]]
id = "1"
from = [{parties}]
to = [{parties}]
retention_days_max = 3650
regions = ["*"]
subjects = [{subjects}]
types = ["*"]
categories = ["*"]
handling = ["*"]
purposes = ["*"]
"""


def agreement(name: str, parties: list[str], subjects: tuple[str, ...] = ("*",)) -> str:
    """An agreement as TOML by which each party may send these subjects to each other."""
    listed = [", ".join(f'"{value}"' for value in values) for values in (parties, subjects)]
    return AGREEMENT.format(name=name, parties=listed[0], subjects=listed[1])


def enlace(
    *arguments: str | Path, home: Path | None = None, data: bytes = b"", env: dict[str, str] | None = None
) -> tuple[int, list[dict[str, Any]]]:
    """Run one command with --json in this process; returns exit code and objects of stdout. Not thread-safe."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("ENLACE_")}
    ran = cli(*arguments, home=home, data=data, env={**kept, **(env or {})})
    return ran.exit, ran.objects


def ok(*arguments: str | Path, home: Path | None = None, data: bytes = b"") -> list[dict[str, Any]]:
    """The objects of a command that must succeed."""
    code, objects = enlace(*arguments, home=home, data=data)
    assert code == 0, objects
    return objects


def lab(folder: Path, nodes: list[str], *agreements: str, bus: str | None = None) -> dict[str, Path]:
    """Make an exchange in `folder`; returns its homes by code."""
    texts = folder / "agreements"
    texts.mkdir(parents=True)
    for number, text in enumerate(agreements):
        (texts / f"{number}.toml").write_text(text)
    options = ["--bus", bus] if bus else []
    [made] = ok("lab", folder / "lab", "--nodes", ",".join(nodes), "--agreements", texts, *options)
    return {code: Path(home) for code, home in made["nodes"].items()}


def publish(home: Path, *words: str) -> list[str]:
    """Publish one report for each text; returns their ids."""
    lines = [json.dumps(report(narrative={"text": word, "language": "en"})).encode() for word in words]
    answers = ok("publish", "-", home=home, data=b"\n".join(lines))
    assert [answer["outcome"] for answer in answers] == ["accepted"] * len(words)
    return [answer["report_id"] for answer in answers]


def gone(pid: int) -> bool:
    """Whether the process with this id has ended; a zombie counts as ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    line = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return line.stdout.strip()[:1] in ("", "Z")


class Daemon:
    """A process that runs `enlace run`, or another command that serves until SIGTERM."""

    def __init__(self, home: Path, env: dict[str, str] | None = None, command: tuple[str, ...] = ("run",)) -> None:
        self.home = home
        self.log = home / f"daemon-{time.monotonic_ns()}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [str(ENLACE), *command, "--home", str(home)],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **(env or {})},
            )

    def ready(self) -> dict[str, Any]:
        """Wait for the first line of its output."""
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS_MAX)
        line = self.process.stdout.readline() if readable else b""
        assert line, self.log.read_text()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end."""
        self.process.kill()
        self.process.wait()
        self._close()

    def stop(self) -> tuple[int, float]:
        """Send SIGTERM; returns the exit code, and the seconds until the end."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=STOP_SECONDS_MAX * 3)
        self._close()
        return code, time.monotonic() - begun

    def _close(self) -> None:
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def running(*homes: Path) -> Iterator[list[Daemon]]:
    """Daemons that are ready. They are stopped at the end, and each must exit with 0."""
    daemons = [Daemon(home) for home in homes]
    try:
        for daemon in daemons:
            daemon.ready()
        yield daemons
    except BaseException:
        for daemon in daemons:
            daemon.kill()
        raise
    assert [daemon.stop()[0] for daemon in daemons if daemon.process.poll() is None] == [0 for daemon in daemons], (
        "a daemon ended by itself or with an error"
    )


def settle(*homes: Path, seconds: int = 120) -> None:
    """Wait until each node has read back its own reports, and has read everything else."""
    for state in ("drained", "caught-up"):
        for home in homes:
            ok("status", "--until", state, "--timeout", str(seconds), home=home)


def until(condition: Callable[[], object], seconds: float = 60, *, rarest: float = 0.5) -> None:
    """Poll `condition` until it holds; fails after `seconds`.

    It polls more and more rarely, at least once in `rarest` seconds, because each check costs as much as a command.
    """
    begun = time.monotonic()
    while not condition():
        waited = time.monotonic() - begun
        assert waited < seconds, "the condition did not come true in time"
        select.select([], [], [], max(POLL_SECONDS, min(rarest, waited / 10)))


def search_all(home: Path, **filters: str) -> list[dict[str, Any]]:
    """Every report that a node holds, page by page."""
    found: list[dict[str, Any]] = []
    options = [part for name, value in filters.items() for part in (f"--{name}", value)] or ["--all"]
    while True:
        after = ["--after", found[-1]["cursor"]] if found else []
        page = ok("search", *options, "--limit", "1000", *after, home=home)
        found += page
        if len(page) < 1000:
            return found
