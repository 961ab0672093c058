"""The port by which one daemon has a store for itself, also where daemons of several machines could work on it."""

from typing import Protocol


class StoreClaim(Protocol):
    """The right of one process to run as the daemon of a store. It ends with the process."""

    def take(self) -> bool:
        """Whether this process has the claim; takes it if it is free. Raises Unavailable while the server is away.

        To be called again and again: a connection that ended has lost the claim.
        """

    def release(self) -> None:
        """Let another process take it."""


class HomeClaim:
    """The claim of a store that is a file: the lock of its home is enough (node/runtime/single_daemon.py)."""

    def take(self) -> bool:
        """Always true."""
        return True

    def release(self) -> None:
        """There is nothing to release."""
