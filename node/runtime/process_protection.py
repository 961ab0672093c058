"""Protects what this process knows and writes from other users of the machine.

- Files and folders that the process makes are for their owner: umask 077.
- The memory of the process, with its private keys, is not written to a core file and is not readable by other processes
  of the user: no core files, and not dumpable where the system knows that (Linux).

A process that it starts inherits the umask and the limit. Imports nothing of Enlace, so that it is quick.
"""

import ctypes
import os
import resource
import sys
from typing import Final

UMASK: Final = 0o077
_PR_SET_DUMPABLE: Final = 4


def protect_process() -> None:
    """Apply the rules of this module to this process."""
    os.umask(UMASK)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
