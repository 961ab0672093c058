"""Ends the process at once at Ctrl-C, for the times when an exception would not do.

While modules are imported, an exception inside the making of a class becomes another one. A command that waits for
events has nothing to finish: answers have no buffer, and the store survives the end of a process at every moment.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 128 + signal.SIGINT
"""Exit code of a command that the keyboard interrupted."""


@contextmanager
def ending_at_once(code: int = INTERRUPTED) -> Iterator[None]:
    """During the block, Ctrl-C ends the process with `code`. A process that ignores Ctrl-C goes on to ignore it."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(code))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
