"""The reader processes of a daemon, which read one share of the originators each: started, watched and ended with it.

A reader process is `enlace run` with the number of its share. It runs as long as its stdin is open; only the daemon
has the other end. However the daemon ends, its reader processes see the end of the file and stop. If a reader process
ends by itself, the daemon ends too and a supervisor starts it again, so that no share stays unread without notice.
"""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Final

import structlog

from node.errors import EXIT_BUG, RestartNeeded

log = structlog.get_logger()

START_SECONDS_MAX: Final = 60.0
STOP_SECONDS_MAX: Final = 3.0  # for all of them, after the daemon's own jobs have ended; 6 and 3 of the ten seconds


class ReaderProcesses:
    """The reader processes of the daemon of one home, which reads `processes` shares with them; none if that is 1."""

    def __init__(self, home: Path, processes: int, *options: str) -> None:
        self._command = (sys.executable, "-m", "node.cli.start", "run", "--home", str(home), *options)
        self._numbers = range(1, processes)
        self._running: dict[int, asyncio.subprocess.Process] = {}

    async def start(self) -> None:
        """Start them and wait until each reads; RestartNeeded if one does not."""
        for number in self._numbers:
            self._running[number] = await asyncio.create_subprocess_exec(
                *self._command,
                *("--share", str(number)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        for number, process in self._running.items():
            assert process.stdout is not None  # noqa: S101, it is a pipe
            try:
                async with asyncio.timeout(START_SECONDS_MAX):
                    line = await process.stdout.readline()
            except TimeoutError:
                line = b""
            if not line:
                raise _ended(number, process.returncode)

    async def watch(self, stopping: asyncio.Event) -> None:
        """Ask them to stop when the node stops; raises RestartNeeded, or ReaderProcessFailed, if one ends before."""
        waits = {asyncio.create_task(process.wait()): number for number, process in self._running.items()}
        stop = asyncio.create_task(stopping.wait())
        try:
            done, _ = await asyncio.wait([*waits, stop], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task is not stop and not stopping.is_set():
                    raise _ended(waits[task], task.result())
        finally:
            for task in (*waits, stop):
                task.cancel()
            self._ask_to_stop()

    async def end(self) -> None:
        """Let each finish its step and stop; kill those that still run after STOP_SECONDS_MAX."""
        self._ask_to_stop()
        ends = {asyncio.create_task(process.wait()): number for number, process in self._running.items()}
        if ends:
            _, late = await asyncio.wait(ends, timeout=STOP_SECONDS_MAX)
            for task in late:
                log.warning("child_killed", share=ends[task])
                self._running[ends[task]].kill()
            await asyncio.gather(*ends)
        self._running.clear()

    def _ask_to_stop(self) -> None:
        """Close the stdin of each process; closing it again does nothing."""
        for process in self._running.values():
            if process.stdin is not None:
                process.stdin.close()


class ReaderProcessFailed(Exception):
    """A reader process ended with a bug, which it has reported itself."""


def _ended(number: int, code: int | None) -> Exception:
    message = f"the process that reads share {number} ended with {_name(code)}"
    if code == EXIT_BUG:
        return ReaderProcessFailed(message)
    hint = "a supervisor starts the node again; the log has what the process reported"
    return RestartNeeded("child_ended", message, path="node.processes", hint=hint)


def _name(code: int | None) -> str:
    if code is None:
        return "nothing: it did not begin to read"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
