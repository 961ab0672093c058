"""What a process of Enlace writes is for its owner, and its memory is not written to a core file."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.exchange import report
from tests.support.processes import ENLACE, Daemon, agreement, lab, ok

ROOT: Final = Path(__file__).parents[3]
PROBE: Final = """
import ctypes, os, resource, sys
from node.runtime.process_protection import protect_process
protect_process()
if sys.argv[1] == "umask":
    sys.stdout.write(f"{os.umask(0):04o}")
elif sys.argv[1] == "core":
    sys.stdout.write(str(resource.getrlimit(resource.RLIMIT_CORE)))
else:
    sys.stdout.write(str(ctypes.CDLL(None).prctl(3)))
"""


@pytest.mark.parametrize(("what", "expected"), [("umask", "0077"), ("core", "(0, 0)"), ("dumpable", "0")])
def test_a_process_protects_its_files_and_its_memory(what: str, expected: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROBE, what], capture_output=True, text=True, check=True, cwd=ROOT, umask=0o022
    )

    assert ran.stdout == expected


def wide(folder: Path) -> list[Path]:
    """The files below a folder that other users can read or write."""
    return [path for path in folder.rglob("*") if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077]


def test_every_file_that_commands_and_daemon_write_is_for_its_owner(tmp_path: Path) -> None:
    """Store and log outside the home, their companion files, reports, keys and documents; the shell has umask 022."""
    before = os.umask(0o022)
    try:
        homes = lab(tmp_path, ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))
        ok("publish", "-", home=homes["BZ"], data=json.dumps(report()).encode())
        daemon = Daemon(homes["GT"], {"ENLACE_STORE__URL": f"sqlite:///{tmp_path}/outside.db"})
        daemon.ready()
        try:
            assert (tmp_path / "outside.db-wal").exists()
            assert {*wide(tmp_path)} == {daemon.log, *(tmp_path / "agreements").iterdir()}
        finally:
            daemon.stop()
    finally:
        os.umask(before)


def test_the_command_line_starts_protected() -> None:
    """Seen from outside: a command that makes a file under umask 000."""
    code = f"umask 000; {ENLACE} governance keygen TR1 $0 >/dev/null; stat -c %a $0"
    folder = subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip()
    ran = subprocess.run(["bash", "-c", code, f"{folder}/key"], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "600"
