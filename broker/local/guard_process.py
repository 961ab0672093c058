"""Start one broker, and end it when the parent ends: a program, `python -m broker.local.guard_process`.

    guard_process LOG COMMAND…              kill the broker when stdin ends; exit when the broker exits
    guard_process --detached LOG COMMAND…   start the broker and exit at once; the broker continues

The first line on stdout is the broker's process id. stdin is the read end of a pipe. Only the parent has the write end,
and the system closes it when the parent ends, even by kill -9. The broker inherits neither end. It has a session of its
own, so Ctrl-C at the terminal reaches only the parent.
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
        broker = subprocess.Popen(  # noqa: S603  # the parent chooses the command
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    sys.stdout.write(f"{broker.pid}\n")
    sys.stdout.flush()
    if detached:
        broker.returncode = 0  # otherwise Popen warns that the process still runs
        return 0
    threading.Thread(target=_kill_at_end, args=(broker,), daemon=True).start()
    return abs(broker.wait())


def _kill_at_end(broker: "subprocess.Popen[bytes]") -> None:
    while os.read(STDIN, 1):
        pass
    broker.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
