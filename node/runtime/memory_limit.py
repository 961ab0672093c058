"""Limits the address space of this process, so that a hostile peer can exhaust this process and not the machine.

An allocation above the limit raises MemoryError where it is made; the daemon ends with exit code 75. The C library
reserves 64 MiB of address space for each malloc arena. They count although they are unused, so two arenas are allowed.
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
    """Limit the address space of this process during the block; a lower limit that is already set stays."""
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
