"""The process of a broker, known by the pid in its folder and by its command line: found, and ended.

A pid alone proves nothing, as the system uses it again; what does not name our properties file in its command line is
not ours and gets no signal.
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

TERM_SECONDS_MAX: Final = 15.0  # it takes two; more when its machine is busy
KILL_SECONDS_MAX: Final = 10.0
POLL_SECONDS: Final = 0.02
ASK_SECONDS_MAX: Final = 10.0
EXEC_TRIES_MAX: Final = 50
ENDED: Final = ("Z", "X")  # states of a process that has ended and was not asked for yet
_PROC: Final = Path("/proc")


def pid_of(broker: BrokerLayout) -> int | None:
    """The process that runs this broker now, or None."""
    try:
        pid = int(broker.pid.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if str(broker.properties) in _command_line(pid) else None


def end(brokers: Sequence[BrokerLayout]) -> None:
    """SIGTERM to all at once, then kill -9 to what is still there after `TERM_SECONDS_MAX`."""
    for broker in brokers:
        _signal(broker, signal.SIGTERM)
    kill(_still_there(brokers, TERM_SECONDS_MAX))
    for broker in brokers:
        broker.pid.unlink(missing_ok=True)


def kill(brokers: Sequence[BrokerLayout]) -> None:
    """kill -9 to all, and wait until they are gone."""
    for broker in brokers:
        _signal(broker, signal.SIGKILL)
    for broker in _still_there(brokers, KILL_SECONDS_MAX):
        message = f"broker {broker.number} is still there {KILL_SECONDS_MAX:g} s after kill -9"
        raise LocalUnavailable("broker_not_stopped", message, hint=f"look at the process in {broker.pid}")
    for broker in brokers:
        broker.pid.unlink(missing_ok=True)


def _still_there(brokers: Sequence[BrokerLayout], seconds: float) -> list[BrokerLayout]:
    """Those of `brokers` that have not ended within `seconds`."""
    deadline = time.monotonic() + seconds
    while (left := [broker for broker in brokers if pid_of(broker) is not None]) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return left


def _signal(broker: BrokerLayout, number: signal.Signals) -> None:
    pid = pid_of(broker)
    if pid is not None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return  # it has just ended


def _command_line(pid: int) -> str:
    """What the process was started with; empty if it is gone, or a zombie that nobody has asked for."""
    if _PROC.is_dir():
        return _command_line_in(_PROC / str(pid))
    asked = subprocess.run(  # noqa: S603  # a number is its only argument from outside
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607  # where a system has it
        capture_output=True,
        text=True,
        timeout=ASK_SECONDS_MAX,
        check=False,
    )
    return asked.stdout


def _command_line_in(folder: Path) -> str:
    """From /proc. It is empty for a zombie, and for a moment for a process that is just becoming another program."""
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
