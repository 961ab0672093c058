"""Limits the address space of this process, so that what a hostile peer makes it allocate ends it and not the machine.

Asking for more than the limit raises MemoryError at the place that asked; the daemon ends with exit code 75. The C
library reserves 64 MiB for the threads of each arena, which count although nobody uses them: two arenas are enough.
"""

import ctypes
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MEBIBYTE: Final = 1024 * 1024
_M_ARENA_MAX: Final = -8
_ARENAS_MAX: Final = 2


@contextmanager
def limited(mebibytes: int) -> Iterator[None]:
    """Let this process have at most so much address space during the block; a lower limit that is set already stays."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS_MAX)
    before = resource.getrlimit(resource.RLIMIT_AS)
    set_already = [limit for limit in before if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([mebibytes * MEBIBYTE, *set_already]), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
