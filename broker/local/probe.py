"""Asks a broker which brokers it knows, with one Metadata request (version 1, no topics) on its own connection.

A broker opens its port before it can serve clients. It answers this request only when it has caught up and is
registered. The bytes are read and written here, so that no client library is needed.

    request   size i32 · api_key i16 = 3 · api_version i16 = 1 · correlation i32 · client_id · topics i32 = 0
    response  size i32 · correlation i32 · count i32 · each id i32, host, port i32, rack · …
    strings   length i16 · UTF-8; length -1: null
"""

import socket
import ssl
import struct
from contextlib import nullcontext
from typing import Final

METADATA: Final = 3
VERSION: Final = 1
CORRELATION: Final = 1
CLIENT: Final = b"enlace-probe"
ANSWER_SECONDS_MAX: Final = 1.0  # a broker that is ready answers in milliseconds
ANSWER_SIZE_BYTES_MAX: Final = 64 * 1024  # three brokers and no topic need some hundred bytes
_NULL: Final = -1


def known_brokers(host: str, port: int, tls: ssl.SSLContext | None = None) -> frozenset[int]:
    """The numbers of the brokers that the broker at this address lists; empty if it does not answer."""
    head = struct.pack(">hhih", METADATA, VERSION, CORRELATION, len(CLIENT)) + CLIENT + struct.pack(">i", 0)
    try:
        with (
            socket.create_connection((host, port), timeout=ANSWER_SECONDS_MAX) as plain,
            tls.wrap_socket(plain, server_hostname=host) if tls else nullcontext(plain) as connection,
        ):
            connection.sendall(struct.pack(">i", len(head)) + head)
            (size,) = struct.unpack(">i", exactly(connection, 4))
            return _numbers(exactly(connection, size)) if 0 < size <= ANSWER_SIZE_BYTES_MAX else frozenset()
    except (OSError, struct.error):  # refused, reset, timed out, or not a Kafka broker
        return frozenset()


def exactly(connection: socket.socket, size: int) -> bytes:
    """Receive so many bytes; ConnectionResetError if there are fewer."""
    parts = b""
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionResetError("the answer ends early")
        parts += part
    return parts


def _numbers(answer: bytes) -> frozenset[int]:
    """The node ids of an answer; `struct.error` if it ends early."""
    _, count = struct.unpack_from(">ii", answer)
    at, numbers = 8, set()
    for _ in range(count):
        (number,) = struct.unpack_from(">i", answer, at)
        numbers.add(number)
        at = _after_text(answer, at + 4) + 4
        at = _after_text(answer, at)
    return frozenset(numbers)


def _after_text(answer: bytes, at: int) -> int:
    (length,) = struct.unpack_from(">h", answer, at)
    return at + 2 + (0 if length == _NULL else int(length))
