"""Starts the command line: protects the process and its streams before anything else is imported.

Ctrl-C ends a command with 130 and the daemon with 0. SIGTERM ends the daemon with 0 also while it starts. Neither shows
a traceback.
"""

import signal
import sys
from importlib import import_module
from types import FrameType
from typing import NoReturn

from node.terminal.interrupts import INTERRUPTED, ending_at_once

DAEMON = "run"


def main() -> None:
    """Entry point of the distribution."""
    is_daemon = sys.argv[1:2] == [DAEMON]
    interrupted = 0 if is_daemon else INTERRUPTED
    try:
        if is_daemon:
            signal.signal(signal.SIGTERM, _end)
        with ending_at_once(interrupted):
            from node.runtime.process_protection import protect_process
            from node.standard_streams import protect_standard_streams

            protect_process()
            protect_standard_streams()
            commands = import_module("node.cli.main")  # by name: that module offers this entry point too
        code: int = commands.run(sys.argv[1:])
    except KeyboardInterrupt:
        code = interrupted
    sys.exit(interrupted if code == INTERRUPTED else code)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    """End the process with 0; the daemon replaces this handler as soon as it can end in order."""
    sys.exit(0)


if __name__ == "__main__":  # as the daemon starts its reader processes
    main()
