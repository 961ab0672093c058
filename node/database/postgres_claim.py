"""The claim of one daemon to a PostgreSQL store: an advisory lock of a session, which ends with its connection.

The server notices within half a minute that the machine of the session vanished, as KEEPALIVE asks it to look.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from node.database.backend import unavailable

if TYPE_CHECKING:
    from psycopg import Connection
else:
    Connection = Any

KEEPALIVE: Final = {"tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 3}
"""Settings of the server for each session, in seconds and tries."""

_NUMBER: Final = 100  # of the advisory lock; node/database/locks.py has those of transactions
_TAKE: Final = f"SELECT pg_try_advisory_lock(hashtext(current_schema()), {_NUMBER})"


class PostgresClaim:
    """Holds the lock on a connection of its own."""

    def __init__(self, connect: Callable[[], "Connection[Any]"], lost: type[Exception]) -> None:
        """`connect` opens a connection in autocommit mode; it raises `lost` while the server is away."""
        self._connect = connect
        self._lost = lost
        self._connection: Connection[Any] | None = None

    def take(self) -> bool:
        """Ask the server on the connection that has the lock, or take the lock on a new one."""
        try:
            if self._connection is not None:
                self._connection.execute("SELECT 1")
                return True
            connection = self._connect()
            [(taken,)] = connection.execute(_TAKE).fetchall()
        except self._lost as error:
            self.release()
            reason = "the connection that claims it has ended"
            raise unavailable(reason, "start the server, or correct store.url; the node tries again") from error
        if not taken:
            connection.close()
            return False
        self._connection = connection
        return True

    def release(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
