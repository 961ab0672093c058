"""A TCP proxy in front of PostgreSQL that cuts a connection at a COMMIT, so that its client does not know the result.

Three ways: `before` the server gets the COMMIT, `answered` when the server has committed but before its answer passes,
and `sent` as soon as the COMMIT has left, while the server may still work on it.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal

Way = Literal["before", "answered", "sent"]
COMMIT: Final = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # a simple query, as psycopg sends it
CHUNK: Final = 1 << 16


class CuttingProxy:
    """Passes connections on to a port of this machine."""

    def __init__(self, port: int) -> None:
        """`decide` gets the number of each COMMIT, from 1, and says how to cut it; None lets it pass."""
        self.commits = 0
        self.cuts = 0
        self.decide: Callable[[int], Way | None] = lambda _: None
        self._port = port
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                for each in (client, server):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                pair = client, server
                self._pairs.append(pair)
                committed = threading.Event()
                threading.Thread(target=self._to_server, args=(*pair, committed), daemon=True).start()
                threading.Thread(target=self._to_client, args=(*pair, committed), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, committed: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(CHUNK):
                way = self._way() if COMMIT in data else None
                if way == "before":
                    break
                if way == "answered":
                    committed.set()
                server.sendall(data)
                if way == "sent":
                    break
        if not committed.is_set():
            _end(client, server)

    def _to_client(self, client: socket.socket, server: socket.socket, committed: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(CHUNK):
                if committed.is_set():
                    break
                client.sendall(data)
        _end(client, server)

    def _way(self) -> Way | None:
        with self._lock:
            self.commits += 1
            way = self.decide(self.commits)
            self.cuts += way is not None
            return way

    def close(self) -> None:
        """Stop listening and end all connections."""
        _end(self._listener)
        for pair in self._pairs:
            _end(*pair)


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextmanager
def cutting_proxy(port: int) -> Iterator[CuttingProxy]:
    """A proxy that ends with the block."""
    proxy = CuttingProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
