"""Runs the commands of docs/walkthrough.md in one shell, as a reader would, and measures their times."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.pages import ROOT, WALKTHROUGH, blocks

SECONDS_MAX = 540
IMPORTED = ".imported"
PHASES = {  # phase -> beginning of the command that starts it
    "lab": "enlace lab",
    "import": "enlace import",
    "start": "enlace run",
    "drained": "enlace status --until drained",
    "caught-up": "enlace status --until caught-up",
    "look": "enlace search",
    "stop": "kill",
}


def commands() -> str:
    """The commands of the page, with a copy of the lab after the imports."""
    handing_in, *rest = [text for _, text in blocks(WALKTHROUGH)]
    return "\n".join([handing_in, f'cp -a "$LAB" "$LAB{IMPORTED}"', *rest])


def walk_through(folder: Path, data: Path) -> tuple[str, dict[str, float]]:
    """Run the commands; returns what they print, and the seconds of each phase.

    Temporary folders are made in `folder`. No process is left behind.
    """
    trace = folder / "trace"
    script = f"exec 9>'{trace}'; BASH_XTRACEFD=9; PS4='+ $EPOCHREALTIME '; set -x\n{commands()}"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "ENLACE_DATA": str(data), "TMPDIR": str(folder), "PATH": path}
    output = folder / "output"
    with output.open("w") as file:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        try:
            shell.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            pytest.fail(f"the walk-through did not end in {SECONDS_MAX} s:\n{output.read_text()}")
        finally:
            _end(shell)
    return output.read_text(), _phases(trace.read_text(), time.time())


def _end(shell: "subprocess.Popen[bytes]") -> None:
    """End the processes that still run in the session of the shell."""
    try:
        os.killpg(shell.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    shell.wait()


def _phases(trace: str, ended: float) -> dict[str, float]:
    """Seconds from the first command of each phase to the first command of the next phase."""
    begun: dict[str, float] = {}
    for moment, command in re.findall(r"^\++ ([0-9.]+) (.*)$", trace, re.MULTILINE):
        for name, beginning in PHASES.items():
            if command.startswith(beginning):
                begun.setdefault(name, float(moment))
    ends = [*list(begun.values())[1:], ended]
    return {name: end - start for (name, start), end in zip(begun.items(), ends, strict=True)}
