"""The doors of the gateway: sockets that accept connections, each one admitted or turned away at once.

A connection is counted before its TLS handshake, so one that never finishes it takes a place too, until its deadline.
After some connections the rest of the node has its turn, so a flood of them does not hold up the exchange.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from node.serving.admission import Admission
from node.serving.limits import ACCEPTED_TOGETHER_MAX, CLOSE_SECONDS_MAX, HANDSHAKE_SECONDS_MAX
from node.serving.local_peer import peer_of
from node.serving.raw_problem import TOO_MANY
from node.serving.tls import ServerTls

log = structlog.get_logger()

PAUSE_SECONDS: Final = 0.5  # when the machine has no descriptor or memory for a connection
_NO_ROOM: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

MakeProtocol = Callable[[Callable[[], None]], asyncio.Protocol]
"""Makes the protocol of a connection; the argument is called when the connection has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One socket that listens."""

    listening: socket.socket
    tls: ServerTls | None = None


@dataclass(slots=True, kw_only=True)
class Doors:
    """Accepts connections at several doors."""

    doors: tuple[Door, ...]
    admission: Admission
    make: MakeProtocol
    _connecting: set[asyncio.Task[None]] = field(default_factory=set)
    _all_ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self) -> None:
        """Accept connections until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for door in self.doors:
                group.create_task(self._accept_at(door))

    async def ended(self) -> None:
        """Wait until no connection is open."""
        while self.admission.open:
            self._all_ended.clear()
            await self._all_ended.wait()

    def stop_connecting(self) -> None:
        """End the handshakes that run."""
        for task in self._connecting:
            task.cancel()

    async def _accept_at(self, door: Door) -> None:
        loop, together, was_full = asyncio.get_running_loop(), 0, False
        while True:
            try:
                connection, _ = await loop.sock_accept(door.listening)
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    continue  # the client went away before it was accepted
                if not was_full:
                    log.error("gateway_full", reason=error.strerror)
                was_full = True
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            was_full = False
            self._admit(connection, door)
            together += 1
            if together >= ACCEPTED_TOGETHER_MAX:
                together = 0
                await asyncio.sleep(0)

    def _admit(self, connection: socket.socket, door: Door) -> None:
        try:
            peer = connection.getpeername()
            address = peer_of(connection).host if connection.family == socket.AF_UNIX else str(peer[0])
        except OSError:
            connection.close()
            return
        if not self.admission.admit(address):
            _turn_away(connection, door)
            log.warning("connection_turned_away", address=address)
            return
        task = asyncio.create_task(self._connect(connection, door, partial(self._release, address)))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, connection: socket.socket, door: Door, release: Callable[[], None]) -> None:
        """Finish the handshake; from then on the protocol has the connection."""
        released = False

        def once() -> None:
            nonlocal released
            if not released:
                released = True
                release()

        context = None if door.tls is None else door.tls.context()
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self.make(once),
                connection,
                ssl=context,
                ssl_handshake_timeout=None if context is None else HANDSHAKE_SECONDS_MAX,
                ssl_shutdown_timeout=None if context is None else CLOSE_SECONDS_MAX,
            )
        except OSError as error:  # of TLS too: no certificate, another version, silence
            connection.close()
            once()
            log.info("handshake_failed", reason=type(error).__name__)
        except BaseException:
            connection.close()
            once()
            raise

    def _release(self, address: str) -> None:
        self.admission.release(address)
        if not self.admission.open:
            self._all_ended.set()


def _turn_away(connection: socket.socket, door: Door) -> None:
    """Close a connection that is above the limit; without TLS the client learns why."""
    with connection, suppress(OSError):
        if door.tls is None:
            connection.setblocking(False)
            connection.send(TOO_MANY.response())
            connection.shutdown(socket.SHUT_WR)
