"""What the supervisor of a process hears, through a real socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from node.supervision.notify import STATUS_CHARS_MAX, supervisor


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """The address as systemd names it, and the socket that receives."""
    named = str(tmp_path / "notify") if request.param == "path" else f"@enlace-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(named.replace("@", "\0", 1) if named.startswith("@") else named)
        receiver.settimeout(5)
        yield named, receiver


def test_the_supervisor_hears_that_the_process_is_ready_works_and_ends(listener: tuple[str, socket.socket]) -> None:
    """Also through an abstract socket."""
    address, receiver = listener
    service = supervisor({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())})
    service.ready("node BZ runs")
    service.works()
    service.status("one\nWATCHDOG=1 " + "x" * 300)
    service.stopping()
    heard = [receiver.recv(4096).decode() for _ in range(4)]

    assert service.watchdog_seconds == 2
    assert heard[0] == "READY=1\nSTATUS=node BZ runs"
    assert heard[1] == "WATCHDOG=1"
    assert heard[2].startswith("STATUS=one WATCHDOG=1 x")
    assert "\n" not in heard[2]
    assert len(heard[2]) == len("STATUS=") + STATUS_CHARS_MAX
    assert heard[3].startswith("STOPPING=1\n")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "1"},
        {"WATCHDOG_USEC": "many"},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"},
    ],
)
def test_without_a_watchdog_of_this_process_nothing_says_that_it_works(
    environment: dict[str, str], listener: tuple[str, socket.socket]
) -> None:
    """A watchdog without a socket, with another process, or with a time that is no number, is none."""
    address, receiver = listener
    named = {} if environment == {"WATCHDOG_USEC": "1"} else {"NOTIFY_SOCKET": address}
    service = supervisor({**named, **environment})
    service.works()
    receiver.setblocking(False)

    assert service.watchdog_seconds is None
    with pytest.raises(BlockingIOError):
        receiver.recv(1)


@pytest.mark.parametrize("address", ["", "@", "relative", "vsock:2:1"])
def test_an_address_that_is_not_known_is_no_supervisor(address: str) -> None:
    assert supervisor({"NOTIFY_SOCKET": address}).address is None


def test_a_supervisor_that_is_not_there_is_logged_once_and_stops_nothing(tmp_path: Path) -> None:
    service = supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    with capture_logs() as logs:
        service.ready("runs")
        service.stopping()

    assert [entry["event"] for entry in logs] == ["supervisor_unreachable"]
