"""Runs `follow`, which does not end by itself, as a process."""

import json
import os
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.processes import ENLACE, READY_SECONDS_MAX

WHY = ("--purpose", "CROSS_CHECKING", "--reason", "test")


class Followed:
    """A process that follows."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def next(self) -> dict[str, Any]:
        """The next message; waits for it."""
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS_MAX)
        assert readable, "no message came in time"
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@contextmanager
def following(*options: str, home: Path | None = None, env: dict[str, str] | None = None) -> Iterator[Followed]:
    """`follow` of a home, or of the gateway that `env` names; it is ended by SIGKILL."""
    words = [str(ENLACE), "follow", *WHY, *options, *(["--home", str(home)] if home else []), "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, bufsize=0, env={**os.environ, **(env or {})}) as process:
        try:
            yield Followed(process)
        finally:
            process.kill()


def first_row(home: Path) -> list[dict[str, Any]]:
    """The first message that `follow` shows of a home."""
    with following("--after", "0", home=home) as followed:
        return [followed.next()]
