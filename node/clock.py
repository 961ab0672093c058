"""The node's clock: the only module of `node` that reads the time."""

import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from node.uptime import SinceBoot

_UPTIME: Final = Path("/proc/uptime")
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def since_boot() -> SinceBoot:
    """How long the machine runs. On Linux the kernel says it in a file, so that no library can change it."""
    with suppress(OSError, ValueError):
        return SinceBoot(boot=_boot_id(), ms=int(float(_UPTIME.read_text("ascii").split()[0]) * 1000))
    return SinceBoot(boot=_process_id(), ms=time.monotonic_ns() // 1_000_000)


@cache
def _boot_id() -> str:
    return _BOOT_ID.read_text("ascii").strip()


@cache
def _process_id() -> str:
    return f"process {time.time_ns()}"
