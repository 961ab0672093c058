"""A server that answers each connection with the next bytes of a script. It does not look at the request."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Reply = bytes | Callable[[socket.socket], None]
"""What one connection gets: these bytes and the end, or what a function sends."""


@dataclass(slots=True)
class BrokenServer:
    """The server while it runs."""

    address: str
    requests: list[bytes] = field(default_factory=list)
    """The beginning of each request, as it came."""


def answer(head: str, body: bytes = b"", *more: str) -> bytes:
    """The bytes of an answer; `head` is status and reason, `more` are lines of the head."""
    lines = [f"HTTP/1.1 {head}", *more, "Connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


def whole(head: str, body: bytes, media_type: str = "application/json", *more: str) -> bytes:
    """An answer that says how long it is."""
    return answer(head, body, f"Content-Type: {media_type}", f"Content-Length: {len(body)}", *more)


@contextmanager
def broken_server(*replies: Reply) -> Iterator[BrokenServer]:
    """Serve; the last reply is repeated for each further connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = BrokenServer(f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread = threading.Thread(target=_serve, args=(listening, server, replies), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listening: socket.socket, server: BrokenServer, replies: Sequence[Reply]) -> None:
    number = 0
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        reply = replies[min(number, len(replies) - 1)]
        number += 1
        with connection, suppress(OSError):
            server.requests.append(_read_request(connection))
            if callable(reply):
                reply(connection)
            else:
                connection.sendall(reply)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(5)
            connection.recv(1)  # the client has read it, and closes


def _read_request(connection: socket.socket) -> bytes:
    """The head and the whole body: otherwise closing would take the answer back."""
    connection.settimeout(5)
    read = b""
    while b"\r\n\r\n" not in read:
        read += _received(connection)
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += _received(connection)
    return head + b"\r\n\r\n" + body


def _received(connection: socket.socket) -> bytes:
    """What came; ConnectionError if the client has ended the connection."""
    data = connection.recv(65_536)
    if not data:
        raise ConnectionError("the client ended the connection within its request")
    return data
