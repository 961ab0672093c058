"""Ends a command that waits for events when the reader of its answers closes stdout.

Without this, `enlace follow | head -1` would notice the closed pipe only at the next report, which may be hours later.
"""

import os
import select
import sys
import threading

CLOSED = select.POLLERR | select.POLLHUP | select.POLLNVAL
"""What poll reports, without being asked, for a pipe, a socket or a terminal that has no reader."""


def end_when_output_closes() -> None:
    """End the process with exit code 0, from a thread, as soon as stdout has no reader.

    The process ends at once, as if it were killed: answers have no buffer, and the store survives the end of a process
    at every moment. A file as stdout never loses its reader.
    """
    try:
        descriptor = sys.stdout.fileno()
    except OSError:  # started without stdout
        return
    threading.Thread(target=_end_when_closed, args=(descriptor,), name="closed output", daemon=True).start()


def _end_when_closed(descriptor: int) -> None:
    waiting = select.poll()
    waiting.register(descriptor, 0)
    while not any(event & CLOSED for _, event in waiting.poll()):
        pass
    os._exit(0)
