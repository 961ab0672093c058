"""Ctrl-C while a command starts, and where a process ignores it."""

import signal
import subprocess
import sys

import pytest

from node.terminal.interrupts import INTERRUPTED, ending_at_once

INTERRUPTED_WHILE_A_CLASS_IS_MADE = """
import signal, sys
from importlib.abc import MetaPathFinder
from node.cli.start import main

class Interrupting:
    def __set_name__(self, owner, name):
        signal.raise_signal(signal.SIGINT)

class Finder(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "node.cli.main":
            type("Made", (), {"field": Interrupting()})

sys.meta_path.insert(0, Finder())
sys.argv = ["enlace", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize(("command", "code"), [("status", INTERRUPTED), ("run", 0)])
def test_ctrl_c_while_modules_are_imported_ends_without_a_traceback(command: str, code: int) -> None:
    """An exception inside the making of a class would become another one."""
    program = [sys.executable, "-c", INTERRUPTED_WHILE_A_CLASS_IS_MADE, command]
    ended = subprocess.run(program, capture_output=True, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (code, b"", b"")


def test_a_process_that_ignores_ctrl_c_goes_on_to_ignore_it() -> None:
    """A shell starts commands in the background so."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ending_at_once():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_after_the_block_ctrl_c_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    with ending_at_once():
        assert signal.getsignal(signal.SIGINT) is not before

    assert signal.getsignal(signal.SIGINT) is before
