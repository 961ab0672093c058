"""Starts one broker and sees that it ends with its parent: a program of its own, `python -m broker.local.guard`.

    guard LOG COMMAND…              the broker is killed when stdin ends, and the guard ends with the broker
    guard --detached LOG COMMAND…   the broker goes on by itself, and the guard ends at once

The first line on stdout is the broker's process id. stdin is the read end of a pipe whose write end only the parent
has: the system closes that when the parent ends, whether by itself or by kill -9. The broker has neither end, and a
session of its own, so that Ctrl-C at the terminal reaches the parent alone.
"""

import os
import subprocess
import sys
import threading

STDIN = 0


def main(arguments: list[str]) -> int:
    """Run the command; returns its exit code, or 0 for a detached one."""
    detached = arguments[0] == "--detached"
    log, *command = arguments[1:] if detached else arguments
    with open(log, "ab") as output:  # noqa: PTH123  # pathlib would double the time to start
        broker = subprocess.Popen(  # noqa: S603  # what the parent asks for
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    sys.stdout.write(f"{broker.pid}\n")
    sys.stdout.flush()
    if detached:
        broker.returncode = 0  # nobody waits for it any more
        return 0
    threading.Thread(target=_kill_at_end, args=(broker,), daemon=True).start()
    return abs(broker.wait())


def _kill_at_end(broker: "subprocess.Popen[bytes]") -> None:
    while os.read(STDIN, 1):
        pass
    broker.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
