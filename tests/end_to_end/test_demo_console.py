"""The console that `make demo` opens: it answers on loopback, and stays open until a key is pressed."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.serving import two_nodes

SHOW = (
    "import sys, pathlib; from demo.console import show_console; show_console(*map(pathlib.Path, sys.argv[1:3]), 'BZ')"
)


def arguments(folder: Path) -> list[str]:
    """The command that shows the console of a new exchange."""
    return [sys.executable, "-c", SHOW, str(two_nodes(folder)), str(folder / "console.log")]


def test_without_a_terminal_the_console_ends_by_itself(tmp_path: Path) -> None:
    """Its address and token were printed, and nothing answers there any more."""
    done = subprocess.run(
        arguments(tmp_path), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=120
    )
    [address] = re.findall(r"http://127\.0\.0\.1:\d+/console/", done.stdout)
    assert re.search(r"enlace_[0-9a-f]+_[0-9a-f]+", done.stdout)
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def test_on_a_terminal_the_console_stays_open_until_a_key_is_pressed(tmp_path: Path) -> None:
    """Meanwhile a browser can open the page for the login."""
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(arguments(tmp_path), stdin=other_end, stdout=other_end, stderr=subprocess.DEVNULL)
    os.close(other_end)
    try:
        shown = ""
        while "Press any key" not in shown:
            shown += os.read(terminal, 1000).decode()
        [address] = re.findall(r"http://127\.0\.0\.1:\d+/console/", shown)
        assert httpx.get(f"{address}login").status_code == 200
        assert process.poll() is None
        os.write(terminal, b"q")
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
