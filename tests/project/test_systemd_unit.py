"""The units of deploy/: what they ask of systemd, and that a node can run under it."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from node.errors import RestartNeeded, UsageError
from node.heartbeats import SILENT_SECONDS_MAX
from tests.support.processes import ENLACE, STOP_SECONDS_MAX, agreement, lab

FOLDER: Final = Path(__file__).parents[2] / "deploy"
PROCESSES: Final = ("enlace.service", "enlace-gateway.service")
UNITS: Final = (*PROCESSES, "enlace-backup.service")
ANALYZE: Final = shutil.which("systemd-analyze")
EXPOSURE_MAX: Final = 20  # of 100; systemd calls this OK
PR_SET_MDWE: Final = 65
REFUSE_GAIN: Final = 1
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")

DEMANDED: Final = {
    "Type": "notify",
    "NotifyAccess": "main",
    "User": "enlace",
    "StateDirectory": "enlace",
    "Restart": "on-failure",
    "RestartForceExitStatus": str(RestartNeeded.exit_code),
    "RestartPreventExitStatus": str(UsageError.exit_code),
    "NoNewPrivileges": "true",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "true",
    "PrivateTmp": "true",
    "PrivateDevices": "true",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "MemoryDenyWriteExecute": "true",
    "SystemCallArchitectures": "native",
    "LimitCORE": "0",
}


def settings(unit: str) -> dict[str, list[str]]:
    """Name -> its values in the order of the file."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / unit).read_text("utf-8").splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("unit", PROCESSES)
@pytest.mark.parametrize("name", DEMANDED)
def test_the_unit_of_daemon_and_gateway_has_the_setting(unit: str, name: str) -> None:
    assert settings(unit)[name] == [DEMANDED[name]]


def test_the_unit_of_the_gateway_runs_the_gateway_in_folders_of_its_own() -> None:
    """systemd removes the runtime folder of a unit that stops; it must not be that of the daemon."""
    gateway, daemon = settings("enlace-gateway.service"), settings("enlace.service")

    assert gateway["ExecStart"][0].endswith("/enlace gateway run")
    assert gateway["RuntimeDirectory"] != daemon["RuntimeDirectory"]


@pytest.mark.parametrize("unit", PROCESSES)
def test_system_calls_are_those_of_a_service_and_the_memory_limit_is_allowed(unit: str) -> None:
    """Without `@resources` the node could not limit its own address space."""
    filters = settings(unit)["SystemCallFilter"]

    assert filters[0] == "@system-service"
    assert "@resources" not in " ".join(filters)


@pytest.mark.parametrize("unit", PROCESSES)
def test_the_times_fit_those_of_the_process(unit: str) -> None:
    """systemd waits longer than the process needs to stop; the watchdog is shorter than what makes a job stuck."""
    found = settings(unit)

    assert int(found["TimeoutStopSec"][0]) > STOP_SECONDS_MAX
    assert 10 < int(found["WatchdogSec"][0]) < SILENT_SECONDS_MAX


@pytest.mark.parametrize("unit", PROCESSES)
def test_the_key_file_is_opened_by_a_credential(unit: str) -> None:
    """No secret is in the unit or readable by another user."""
    found = settings(unit)
    [credential] = found["LoadCredential"]

    assert credential.startswith("passphrase:/etc/")
    assert "ENLACE_KEYS__PASSPHRASE_FILE=%d/passphrase" in found["Environment"]


def unit_for(unit: str, folder: Path) -> Path:
    """A copy of the unit that starts a program which exists here."""
    text = (FOLDER / unit).read_text("utf-8").replace("/opt/enlace/.venv/bin/enlace", str(ENLACE))
    copy = folder / unit
    copy.write_text(text)
    return copy


@needs_systemd
@pytest.mark.parametrize("unit", [*UNITS, "enlace-backup.timer"])
def test_systemd_accepts_the_unit(unit: str, tmp_path: Path) -> None:
    for name in UNITS:
        unit_for(name, tmp_path)
    checked = subprocess.run(
        [str(ANALYZE), "verify", str(unit_for(unit, tmp_path))],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    wrong = [line for line in checked.stderr.splitlines() if unit in line]

    assert not wrong


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_little_exposure(unit: str, tmp_path: Path) -> None:
    options = ["security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(unit_for(unit, tmp_path))]
    checked = subprocess.run([str(ANALYZE), *options], capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout[-400:] + checked.stderr


def test_the_manual_installs_what_is_in_the_folder() -> None:
    page = (FOLDER.parent / "docs" / "operating.md").read_text("utf-8")

    assert set(re.findall(r"deploy/(enlace[\w.-]*)", page)) == {path.name for path in FOLDER.iterdir()}


def _deny_write_execute() -> None:
    ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_GAIN, 0, 0, 0)


def test_a_daemon_runs_without_memory_that_is_writable_and_executable(tmp_path: Path) -> None:
    """As MemoryDenyWriteExecute= demands it, where the kernel can."""
    probe = "import ctypes, sys; sys.exit(ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) & 1)"
    if subprocess.run([sys.executable, "-c", probe], check=False).returncode:
        pytest.skip("this kernel does not have PR_SET_MDWE (Linux 6.3)")
    home = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]
    with (tmp_path / "log").open("w") as log:
        daemon = subprocess.Popen(
            [str(ENLACE), "run", "--home", str(home)],
            stdout=subprocess.PIPE,
            stderr=log,
            preexec_fn=_deny_write_execute,  # noqa: PLW1509 - this process has no other thread here
        )
    assert daemon.stdout is not None
    ready = daemon.stdout.readline()
    daemon.send_signal(signal.SIGTERM)

    assert daemon.wait(60) == 0
    daemon.stdout.close()
    assert b"node_ready" in ready, (tmp_path / "log").read_text()
