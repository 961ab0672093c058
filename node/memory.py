"""Limits the address space of this process, so that what a hostile peer makes it allocate ends it and not the machine.

Asking for more than the limit raises MemoryError at the place that asked; the daemon ends with exit code 75. The C
library reserves 64 MiB for the threads of each arena, which count although nobody uses them: two arenas are enough.
"""

import ctypes
import resource
from typing import Final

MEBIBYTE: Final = 1024 * 1024
_M_ARENA_MAX: Final = -8
_ARENAS_MAX: Final = 2


def limit(mebibytes: int) -> None:
    """Let this process have at most so much address space; a lower limit that is set already stays."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS_MAX)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = mebibytes * MEBIBYTE
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
