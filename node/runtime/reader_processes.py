"""The processes beside the daemon that read a share each: started with it, watched, and ended with it.

A child is `enlace run` with the number of its share. It lives as long as its stdin is open, whose other end only the
daemon has: however the daemon ends, its children see the end of the file and stop. A child that ends by itself ends the
daemon too, which a supervisor starts again: nobody reads only a part without being seen.
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
STOP_SECONDS_MAX: Final = 3.0  # for all of them, after the daemon's own tasks have ended; 6 and 3 of the ten seconds


class Children:
    """The children of the daemon of one home, which reads `processes` shares with them; none of one process."""

    def __init__(self, home: Path, processes: int, *options: str) -> None:
        self._command = (sys.executable, "-m", "node.cli.main", "run", "--home", str(home), *options)
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
        for number, child in self._running.items():
            assert child.stdout is not None  # noqa: S101, it is a pipe
            try:
                async with asyncio.timeout(START_SECONDS_MAX):
                    line = await child.stdout.readline()
            except TimeoutError:
                line = b""
            if not line:
                raise _ended(number, child.returncode)

    async def watch(self, stopping: asyncio.Event) -> None:
        """Tell them when the node stops, and return; raises RestartNeeded, or ChildFailed, if one ends before."""
        waits = {asyncio.create_task(child.wait()): number for number, child in self._running.items()}
        stop = asyncio.create_task(stopping.wait())
        try:
            done, _ = await asyncio.wait([*waits, stop], return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                if one is not stop and not stopping.is_set():
                    raise _ended(waits[one], one.result())
        finally:
            for task in (*waits, stop):
                task.cancel()
            self._tell()

    async def end(self) -> None:
        """Let each finish its step and stop; kill what is still there after STOP_SECONDS_MAX."""
        self._tell()
        ends = {asyncio.create_task(child.wait()): number for number, child in self._running.items()}
        if ends:
            _, late = await asyncio.wait(ends, timeout=STOP_SECONDS_MAX)
            for task in late:
                log.warning("child_killed", share=ends[task])
                self._running[ends[task]].kill()
            await asyncio.gather(*ends)
        self._running.clear()

    def _tell(self) -> None:
        """Close the other end of each child's stdin; a second time does nothing."""
        for child in self._running.values():
            if child.stdin is not None:
                child.stdin.close()


class ChildFailed(Exception):
    """A child ended of a bug, which it has reported itself."""


def _ended(number: int, code: int | None) -> Exception:
    message = f"the process that reads share {number} ended with {_name(code)}"
    if code == EXIT_BUG:
        return ChildFailed(message)
    hint = "a supervisor starts the node again; what the child said stands in the log"
    return RestartNeeded("child_ended", message, path="node.processes", hint=hint)


def _name(code: int | None) -> str:
    if code is None:
        return "nothing: it did not begin to read"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
