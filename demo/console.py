"""The console of one node of the demonstration, on this machine only, with a token for the demonstration.

Insecure for development: the token is printed. It is valid for one day, at an exchange whose keys are named `unsafe`.
"""

import json
import os
import subprocess
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.commands import ENLACE, STOP_SECONDS_MAX, enlace, say

NAME: Final = "unsafe-demo"
SECTION: Final = '\n[gateway]\nlisten = "127.0.0.1:0"\nconsole = true\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoConsole:
    """A console that answers."""

    address: str
    token: str


@contextmanager
def console(home: Path, log: Path) -> Iterator[DemoConsole]:
    """The console of the node of `home`, in a process beside its daemon, until the block ends."""
    settings = home / "node.toml"
    text = settings.read_text("utf-8")
    if "[gateway]" not in text:
        settings.write_text(text + SECTION, "utf-8")
    granted = ("--scope", "read,audit,admin", "--days", "1")
    [made] = enlace("token", "create", "--name", NAME, *granted, home=home)
    with log.open("w") as errors:
        process = subprocess.Popen(  # noqa: S603, our own command
            [str(ENLACE), "gateway", "run", "--home", str(home), "--json"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            sys.exit(f"the console did not start: see {log}")
        yield DemoConsole(address=f"{json.loads(line)['listen'][0]}/console/", token=made["token"])
    finally:
        process.terminate()
        process.wait(timeout=STOP_SECONDS_MAX)


def show_console(home: Path, log: Path, node: str) -> None:
    """Print the address and the token; on a terminal, keep the console open until a key is pressed."""
    say(f"\n8. The console of {node}, for a browser on this machine")
    with console(home, log) as opened:
        say(f"  {opened.address}")
        say(f"  log in with the token of the demonstration: {opened.token}")
        if sys.stdin.isatty() and sys.stdout.isatty():
            say("  Press any key to end the demonstration.")
            wait_for_key()


def wait_for_key() -> None:
    """Wait until a key of the terminal is pressed."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        os.read(terminal, 1)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
