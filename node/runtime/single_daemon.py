"""One daemon for each home and for each store.

The kernel releases the lock of the home when its process ends, however it ends; the server does so for the store.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from node.database.backend import StoreClaim
from node.errors import Unavailable
from node.files import check_regular, open_private

LOCK_FILE: Final = "run.lock"
TRIES: Final = 10  # `status` holds a shared lock for a moment
TRY_SECONDS: Final = 0.05


@contextmanager
def only_daemon(home: Path) -> Iterator[None]:
    """Hold the home's lock; raises Unavailable `already_running` if another process holds it."""
    with _lock_file(home) as file:
        if not _acquired(file, fcntl.LOCK_EX, tries=TRIES):
            raise Unavailable(
                "already_running",
                f"a daemon, or a command that needs it stopped, already runs in {home}",
                hint="end it first, or wait for its end, or name another home",
            )
        yield


@contextmanager
def claimed(claim: StoreClaim) -> Iterator[None]:
    """Hold the claim to a store; raises Unavailable `already_running` if the daemon of another home has it."""
    if not claim.take():
        raise Unavailable(
            "already_running",
            "another process works on this store as its daemon",
            path="store.url",
            hint="end the other daemon first; two nodes never share a store",
        )
    try:
        yield
    finally:
        claim.release()


def is_running(home: Path) -> bool:
    """Whether a daemon holds the home's lock."""
    with _lock_file(home) as file:
        return not _acquired(file, fcntl.LOCK_SH, tries=1)


def _lock_file(home: Path) -> IO[str]:
    path = home / LOCK_FILE
    check_regular(path, hint="remove it; the next command makes it again")  # a pipe would be waited for
    return open(path, "a", opener=open_private)


def _acquired(file: IO[str], kind: int, *, tries: int) -> bool:
    for left in reversed(range(tries)):
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                time.sleep(TRY_SECONDS)
        else:
            return True
    return False
