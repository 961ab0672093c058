"""Notices commits to a PostgreSQL store: each writing transaction ends with a NOTIFY, and this connection listens.

- While the server is away, `wait` returns every LOOK_SECONDS, so that the job itself meets the fault, and connects
  again.
- It also returns every LOOK_SECONDS while nothing is heard: a network that drops packets ends no connection.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection

if TYPE_CHECKING:
    from psycopg import Connection as Listener
else:
    Listener = Any

LOOK_SECONDS: Final = 3.0
_CHANNEL: Final = "'enlace_' || hashtext(current_schema())"  # each schema is a store of its own
_NOTIFY: Final = f"SELECT pg_notify({_CHANNEL}, '')"


def notify(db: Connection) -> None:
    """Wake those who wait for a commit, once this transaction is committed."""
    db.exec_driver_sql(_NOTIFY)


class PostgresWatch:
    """Listens on a connection of its own, which it opens at the first `wait`."""

    def __init__(self, connect: Callable[[], "Listener[Any]"], lost: type[Exception]) -> None:
        """`connect` opens a connection in autocommit mode; it raises `lost` while the server is away."""
        self._connect = connect
        self._lost = lost
        self._connection: Listener[Any] | None = None

    async def wait(self, stopping: asyncio.Event, seconds: float | None = None) -> None:
        """Return when something was committed, when the node stops, or after `seconds` or LOOK_SECONDS."""
        longest = LOOK_SECONDS if seconds is None else min(seconds, LOOK_SECONDS)
        try:
            if self._connection is None:
                # Something may have been committed before it listens: return at once.
                self._connection = await asyncio.to_thread(self._listen)
            elif not self._heard(self._connection):
                await _readable(self._connection.fileno(), stopping, longest)
                self._heard(self._connection)
        except self._lost:
            self.close()
            await _readable(None, stopping, longest)

    def _listen(self) -> "Listener[Any]":
        connection = self._connect()
        [(channel,)] = connection.execute(f"SELECT {_CHANNEL}").fetchall()
        connection.execute(f'LISTEN "{channel}"')
        return connection

    @staticmethod
    def _heard(connection: "Listener[Any]") -> bool:
        """Take what the server has sent so far."""
        return bool(list(connection.notifies(timeout=0)))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


async def _readable(file: int | None, stopping: asyncio.Event, seconds: float) -> None:
    """Return when the file can be read, when the node stops, or after `seconds`."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    stop = loop.create_task(stopping.wait())
    stop.add_done_callback(lambda _: _finish(ended))
    if file is not None:
        loop.add_reader(file, _finish, ended)
    try:
        await asyncio.wait((ended,), timeout=seconds)
    finally:
        if file is not None:
            loop.remove_reader(file)
        stop.cancel()


def _finish(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
