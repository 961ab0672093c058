"""A program that runs commands with broken standard streams: `python -m tests.support.stream_faults FOLDER`.

It reads cases from stdin as JSON, [[fault, arguments], …], and runs each in a fork of its own, because a new process
takes a second to start. It writes [[exit code, stdout, stderr], …]. A fault is `none`, or closes streams or puts a disk
that is full behind one.
"""

import json
import os
import pkgutil
import signal
import sys
from importlib import import_module
from pathlib import Path

import broker
import node
from tests.support.contract import cli

FAULTS = ("stdout closed", "stdout full", "stderr closed, stdin closed")
SECONDS_MAX = 60
WARMING = ("search", "publish", "top")
"""Commands that run in this process too, so that each fork has the libraries and tables that a command loads late."""


def run(fault: str, arguments: list[str], folder: Path) -> list[object]:
    """Exit code and outputs of one command."""
    files = [folder / name for name in ("stdin", "out", "err")]
    files[0].touch()
    pid = os.fork()
    if pid == 0:
        _break_streams(fault, files)
        sys.argv = ["enlace", *arguments]
        code = 99
        try:
            import_module("node.cli.start").main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 98
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return [os.waitstatus_to_exitcode(status), *(file.read_text("utf-8", "replace") for file in files[1:])]


def _break_streams(fault: str, files: list[Path]) -> None:
    """Give the process the files as its streams, and break the one that the fault names."""
    for number, (name, path) in enumerate(zip(("stdin", "stdout", "stderr"), files, strict=True)):
        full = f"{name} full" in fault
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | (0 if full else os.O_CREAT | os.O_TRUNC)
        opened = os.open("/dev/full" if full else path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
        if f"{name} closed" in fault:
            os.close(number)
            setattr(sys, name, None)  # as Python does when it starts
    signal.alarm(SECONDS_MAX)  # a command that hangs is ended, with a code that no command has


def main() -> None:
    """Run the cases of stdin."""
    for package in (node, broker):  # once, and not in each fork
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(("migrations.env", "guard_process")):
                import_module(module.name)
    cases = json.load(sys.stdin)
    folder = Path(sys.argv[1])
    for fault, arguments in cases:
        if fault == "none" and arguments[0] in WARMING:
            cli(*arguments)
    sys.stdout.write(json.dumps([run(fault, arguments, folder) for fault, arguments in cases]))


if __name__ == "__main__":
    main()
