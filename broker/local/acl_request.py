"""Gives rights to users of a local cluster, with CreateAcls requests (version 1) on its own connection.

    request   size i32 · api_key i16 = 30 · api_version i16 = 1 · correlation i32 · client_id · count i32 · each:
              resource i8 · name · pattern i8 · principal · host · operation i8 · permission i8
    response  size i32 · correlation i32 · throttle i32 · count i32 · each error i16, message

The numbers are those of Kafka's protocol. Giving a right again changes nothing.
"""

import socket
import ssl
import struct
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from broker.kafka.rights import Operation, Pattern, Right
from broker.local.errors import LocalUnavailable
from broker.local.probe import exactly

CREATE_ACLS: Final = 30
VERSION: Final = 1
TOPIC: Final = 2
ALLOW: Final = 3
ANSWER_SECONDS_MAX: Final = 20.0
RIGHTS_IN_REQUEST_MAX: Final = 500
PATTERNS: Final = {Pattern.LITERAL: 3, Pattern.PREFIXED: 4}
OPERATIONS: Final = {
    Operation.READ: 3,
    Operation.WRITE: 4,
    Operation.CREATE: 5,
    Operation.ALTER: 7,
    Operation.DESCRIBE: 8,
    Operation.DESCRIBE_CONFIGS: 10,
    Operation.ALTER_CONFIGS: 11,
}


def give(rights: Iterable[Right], host: str, port: int, tls: ssl.SSLContext) -> None:
    """Give the rights; raises LocalUnavailable if the cluster does not answer or refuses one."""
    entries = iter(_entries(rights))
    try:
        with (
            socket.create_connection((host, port), timeout=ANSWER_SECONDS_MAX) as plain,
            tls.wrap_socket(plain, server_hostname=host) as connection,
        ):
            while chosen := list(islice(entries, RIGHTS_IN_REQUEST_MAX)):
                _ask(connection, chosen)
    except (OSError, struct.error) as error:
        raise _refused(str(error)) from None


def _entries(rights: Iterable[Right]) -> Iterator[bytes]:
    for right in rights:
        for topic in right.topics:
            for operation in right.operations:
                yield (
                    struct.pack(">b", TOPIC)
                    + _text(topic)
                    + struct.pack(">b", PATTERNS[right.pattern])
                    + _text(f"User:{right.user}")
                    + _text("*")
                    + struct.pack(">bb", OPERATIONS[operation], ALLOW)
                )


def _ask(connection: ssl.SSLSocket, entries: list[bytes]) -> None:
    body = struct.pack(">hhi", CREATE_ACLS, VERSION, 1) + _text("enlace-rights") + struct.pack(">i", len(entries))
    request = body + b"".join(entries)
    connection.sendall(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", exactly(connection, 4))
    answer = exactly(connection, size)
    _, _, count = struct.unpack_from(">iii", answer)
    at = 12
    for _ in range(count):
        code, length = struct.unpack_from(">hh", answer, at)
        at += 4
        if code:
            raise _refused(f"error {code} {answer[at : at + max(0, length)].decode('utf-8', 'replace')}")
        at += max(0, length)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def _refused(reason: str) -> LocalUnavailable:
    return LocalUnavailable("broker_not_ready", f"the rights were not given: {reason}", hint="start the brokers again")
