"""Talks to the supervisor that started this process, by the protocol of systemd: datagrams to a socket.

Two variables of the environment name the socket, and how often the supervisor wants to hear that the process works.
Without them nothing is sent. A supervisor that cannot be reached never stops a node.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

log = structlog.get_logger()

SOCKET: Final = "NOTIFY_SOCKET"
WATCHDOG_MICROSECONDS: Final = "WATCHDOG_USEC"
WATCHDOG_PROCESS: Final = "WATCHDOG_PID"
SEND_SECONDS_MAX: Final = 1.0
STATUS_CHARS_MAX: Final = 200


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """The supervisor of this process; without an address there is none."""

    address: str | None = None
    """The path of its socket; an abstract one begins with a NUL."""

    watchdog_seconds: float | None = None
    """It restarts the process if it does not hear for so long that the process works. None: it does not watch."""

    unreachable: bool = False

    def ready(self, status: str) -> None:
        """The process has started."""
        self._send("READY=1", _status(status))

    def status(self, text: str) -> None:
        """What the process does, for people."""
        self._send(_status(text))

    def works(self) -> None:
        """The process makes progress."""
        if self.watchdog_seconds is not None:
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The process begins to end."""
        self._send("STOPPING=1", _status("ends"))

    def _send(self, *lines: str) -> None:
        if self.address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(SEND_SECONDS_MAX)
                sender.connect(self.address)
                sender.sendall("\n".join(lines).encode())
        except OSError as error:
            if not self.unreachable:
                log.warning("supervisor_unreachable", reason=error.strerror or str(error))
            self.unreachable = True
        else:
            self.unreachable = False


def supervisor(environment: Mapping[str, str] = os.environ) -> Supervisor:
    """The supervisor that the environment names."""
    address = environment.get(SOCKET, "")
    if not address.startswith(("/", "@")) or len(address) == 1:
        return Supervisor()
    if address.startswith("@"):
        address = "\0" + address[1:]
    return Supervisor(address=address, watchdog_seconds=_watchdog_seconds(environment))


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """None also if the watchdog is for another process, such as the parent of this one."""
    process, text = environment.get(WATCHDOG_PROCESS), environment.get(WATCHDOG_MICROSECONDS, "")
    if process not in (None, str(os.getpid())) or not text.isdecimal() or not int(text):
        return None
    return int(text) / 1_000_000


def _status(text: str) -> str:
    """One line; a line break would begin another variable."""
    return "STATUS=" + "".join(char if char.isprintable() else " " for char in text)[:STATUS_CHARS_MAX]
