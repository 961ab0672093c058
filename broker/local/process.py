"""Finds and ends the process of a broker, which is identified by the pid in its folder and by its command line.

A pid alone is not enough, because the system reuses pids. A process whose command line does not contain our properties
file is not ours and gets no signal.
"""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from broker.local.errors import LocalUnavailable
from broker.local.layout import BrokerLayout

TERM_SECONDS_MAX: Final = 15.0  # it needs two on an idle machine
KILL_SECONDS_MAX: Final = 10.0
POLL_SECONDS: Final = 0.02
ASK_SECONDS_MAX: Final = 10.0
EXEC_TRIES_MAX: Final = 50
ENDED: Final = ("Z", "X")  # states of a process that has ended but was not waited for
_PROC: Final = Path("/proc")


def pid_of(broker: BrokerLayout) -> int | None:
    """The pid of this broker; None if it does not run."""
    try:
        pid = int(broker.pid.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if str(broker.properties) in _command_line(pid) else None


def end(brokers: Sequence[BrokerLayout]) -> None:
    """Send SIGTERM to all at the same time, and SIGKILL to those that still run after `TERM_SECONDS_MAX`."""
    for broker in brokers:
        _signal(broker, signal.SIGTERM)
    kill(_still_running(brokers, TERM_SECONDS_MAX))
    for broker in brokers:
        broker.pid.unlink(missing_ok=True)


def kill(brokers: Sequence[BrokerLayout]) -> None:
    """Send SIGKILL to all, and wait until they have ended."""
    for broker in brokers:
        _signal(broker, signal.SIGKILL)
    for broker in _still_running(brokers, KILL_SECONDS_MAX):
        message = f"broker {broker.number} still runs {KILL_SECONDS_MAX:g} s after kill -9"
        raise LocalUnavailable("broker_not_stopped", message, hint=f"its process id is in {broker.pid}")
    for broker in brokers:
        broker.pid.unlink(missing_ok=True)


def _still_running(brokers: Sequence[BrokerLayout], seconds: float) -> list[BrokerLayout]:
    """The brokers that have not ended within `seconds`."""
    deadline = time.monotonic() + seconds
    while (running := [broker for broker in brokers if pid_of(broker) is not None]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return running


def _signal(broker: BrokerLayout, number: signal.Signals) -> None:
    pid = pid_of(broker)
    if pid is not None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return  # it has just ended


def _command_line(pid: int) -> str:
    """The command line of the process; empty if the process has ended."""
    if _PROC.is_dir():
        return _command_line_in(_PROC / str(pid))
    asked = subprocess.run(  # noqa: S603  # a number is its only argument from outside
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607  # found on the PATH
        capture_output=True,
        text=True,
        timeout=ASK_SECONDS_MAX,
        check=False,
    )
    return asked.stdout


def _command_line_in(folder: Path) -> str:
    """The command line in /proc. It is empty for a zombie, and for a moment while a process starts a new program."""
    for _ in range(EXEC_TRIES_MAX):
        try:
            line = (folder / "cmdline").read_text("utf-8", "replace")
            state = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return ""
        if line or state in ENDED:
            return line
        time.sleep(POLL_SECONDS)
    return ""
