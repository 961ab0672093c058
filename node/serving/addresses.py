"""The address on which the gateway listens: how it is written, whether it is loopback, and its sockets."""

import errno
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from node.errors import Unavailable, UsageError
from schemas.excerpts import quoted

PATH: Final = "gateway.listen"
_PORTS: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen."""

    host: str
    port: int
    """0: a free one."""

    numbers: tuple[str, ...]
    """The numeric addresses of the host."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return all(ipaddress.ip_address(number.partition("%")[0]).is_loopback for number in self.numbers)


def split_address(listen: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT`; IPv6 in brackets. Raises UsageError."""
    host, colon, port = listen.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    is_number = port.isascii() and port.isdecimal() and int(port) < _PORTS
    if not colon or not host or not is_number:
        hint = "write HOST:PORT, such as 127.0.0.1:8443 or [::1]:8443"
        raise UsageError("value_invalid", f"{quoted(listen)} is not an address and a port", path=PATH, hint=hint)
    return host, int(port)


def resolved(listen: str) -> Address:
    """The address that `listen` names. Raises UsageError if it has no number."""
    host, port = split_address(listen)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a name"
        hint = "write the number of an address of this machine"
        raise UsageError("gateway_unavailable", f"{quoted(host)}: {reason}", path=PATH, hint=hint) from None
    return Address(host=host, port=port, numbers=tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))


@contextmanager
def listening(address: Address, backlog: int) -> Iterator[list[socket.socket]]:
    """Sockets that listen on each number of the address. Raises Unavailable if it is in use, else UsageError."""
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        for number in address.numbers:
            family = socket.AF_INET6 if ":" in number else socket.AF_INET
            kind = socket.SOCK_STREAM | socket.SOCK_CLOEXEC
            # asyncio sets TCP_NODELAY on a socket of this protocol only; without it, each answer waits 40 ms.
            made = stack.enter_context(socket.socket(family, kind, socket.IPPROTO_TCP))
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            port = address.port or (sockets[0].getsockname()[1] if sockets else 0)
            try:
                made.bind((number, port))
                made.listen(backlog)
            except OSError as error:
                raise _not_bound(address, error) from None
            sockets.append(made)
        yield sockets


def _not_bound(address: Address, error: OSError) -> UsageError | Unavailable:
    where = f"{address.host}:{address.port}"
    if error.errno == errno.EADDRINUSE:
        message = f"{where} is in use by another process"
        hint = "end the other process, or name another port"
        return Unavailable("gateway_unavailable", message, path=PATH, hint=hint)
    hint = "name an address of this machine; ports below 1024 need a right of their own"
    return UsageError("gateway_unavailable", f"{where}: {error.strerror}", path=PATH, hint=hint)
