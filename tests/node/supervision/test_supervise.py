"""The watchdog hears nothing while a job is stuck, and a real daemon reports its beginning and its end."""

import asyncio
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from node.heartbeats import Heartbeats
from node.supervision.notify import Supervisor
from node.supervision.supervise import supervise
from tests.support.processes import ENLACE, agreement, lab


class Recorded(Supervisor):
    """Keeps what it would send, and stops after some reports."""

    def __init__(self, stopping: asyncio.Event, reports: int) -> None:
        super().__init__(address="/", watchdog_seconds=0.03)
        self.heard: list[str] = []
        self._stopping, self._reports = stopping, reports

    def _send(self, *lines: str) -> None:
        self.heard += lines
        if len(self.heard) >= self._reports:
            self._stopping.set()


class Jobs(Heartbeats):
    """Heartbeats in which a test says which job is silent at each look."""

    def __init__(self, *looks: dict[str, float]) -> None:
        super().__init__()
        self._looks = list(looks)

    def silent(self, seconds: float = 0) -> dict[str, float]:  # noqa: ARG002 - as the method that it replaces
        """The next look; the last one stays."""
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]


async def test_the_watchdog_hears_nothing_while_a_job_is_stuck() -> None:
    """The stuck job is logged once, and named in the status, until it goes on."""
    stopping = asyncio.Event()
    recorded = Recorded(stopping, 4)
    with capture_logs() as logs:
        jobs = Jobs({}, {"relay": 301.0}, {"relay": 302.0}, {})
        await supervise(recorded, jobs, stopping, name="node BZ")

    assert recorded.heard[:4] == ["WATCHDOG=1", "STATUS=node BZ: stuck: relay", "STATUS=node BZ runs", "WATCHDOG=1"]
    assert recorded.heard[-2:] == ["STOPPING=1", "STATUS=ends"]
    assert [(entry["event"], entry["task"], entry["seconds"]) for entry in logs] == [("job_stuck", "relay", 301)]


def heard_of(command: list[str], folder: Path, **variables: str) -> tuple[list[tuple[str, int]], int]:
    """What a supervisor hears of a process until it has ended, each with the sender; and the id of the process."""
    address = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver, (folder / "log").open("w") as log:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        receiver.bind(str(address))
        receiver.settimeout(60)
        environment = {**os.environ, "NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "600000", **variables}
        process = subprocess.Popen([str(ENLACE), *command], stdout=subprocess.PIPE, stderr=log, env=environment)
        heard: list[tuple[str, int]] = []

        def hear() -> str:
            data, credentials, _, _ = receiver.recvmsg(4096, 64)
            heard.append((data.decode(), int.from_bytes(credentials[0][2][:4], "little")))
            return heard[-1][0]

        for _ in range(3):
            hear()
        process.send_signal(signal.SIGTERM)
        while not hear().startswith("STOPPING=1"):
            pass
        assert process.wait(60) == 0, (folder / "log").read_text()
        assert process.stdout is not None
        process.stdout.close()
    return heard, process.pid


@pytest.mark.parametrize("processes", [1, 2])
def test_a_daemon_reports_to_its_supervisor(tmp_path: Path, processes: int) -> None:
    """READY when it is ready, WATCHDOG while it works, STOPPING when it ends; its reader processes report nothing."""
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    heard, process = heard_of(["run", "--home", str(home)], tmp_path, ENLACE_NODE__PROCESSES=str(processes))

    assert [text for text, _ in heard[:3]] == ["READY=1\nSTATUS=node BZ runs", "WATCHDOG=1", "WATCHDOG=1"]
    assert {sender for _, sender in heard} == {process}


def test_a_gateway_that_is_a_process_of_its_own_reports_to_its_supervisor(tmp_path: Path) -> None:
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    with (home / "node.toml").open("a") as config:
        config.write('\n[gateway]\nlisten = "127.0.0.1:0"\n')
    heard, process = heard_of(["gateway", "run", "--home", str(home)], tmp_path)

    assert sorted(text for text, _ in heard[:2]) == ["READY=1\nSTATUS=gateway of node BZ runs", "WATCHDOG=1"]
    assert {sender for _, sender in heard} == {process}
