"""Runs the `enlace` command and daemons for the demonstration, and prints its lines."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ENLACE = Path(sys.executable).parent / "enlace"
WAIT_SECONDS_MAX = 60
STOP_SECONDS_MAX = 15


def say(text: str = "") -> None:
    """Print one line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def enlace(
    *arguments: str, home: Path | None = None, codes: tuple[int, ...] = (0,), stdin: str = ""
) -> list[dict[str, Any]]:
    """Run one command with --json and return its objects. An exit code not in `codes` ends the demonstration."""
    command = [str(ENLACE), *arguments, "--json", *(["--home", str(home)] if home else [])]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)  # noqa: S603, our own command
    if done.returncode not in codes:
        sys.exit(f"{' '.join(command)}\nended with {done.returncode}\n{done.stdout}{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def daemons(homes: dict[str, Path], logs: Path) -> Iterator[None]:
    """One `enlace run` for each home. All are ready when the block begins, and end with it."""
    running: dict[str, subprocess.Popen[str]] = {}
    try:
        for code, home in homes.items():
            with (logs / f"{code.lower()}.log").open("w") as log:
                running[code] = subprocess.Popen(  # noqa: S603, our own command
                    [str(ENLACE), "run", "--home", str(home)], stdout=subprocess.PIPE, stderr=log, text=True
                )
        for code, process in running.items():
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                sys.exit(f"the daemon of {code} did not start: see {logs / f'{code.lower()}.log'}")
            say(f"  {code}  ready, process {json.loads(line)['pid']}")
        yield
    finally:
        for process in running.values():
            process.terminate()
        ended = {code: process.wait(timeout=STOP_SECONDS_MAX) for code, process in running.items()}
        say(f"\nThe daemons ended with exit codes {sorted(set(ended.values()))}.")


def settle(homes: dict[str, Path]) -> None:
    """Wait until each node has sent its messages, and then until each has read all of them."""
    for state in ("drained", "caught-up"):
        for home in homes.values():
            enlace("status", "--until", state, "--timeout", str(WAIT_SECONDS_MAX), home=home)
