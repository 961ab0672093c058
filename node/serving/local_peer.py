"""The user at the other end of a local socket, as the kernel names it."""

import socket
import struct
from typing import Final, NamedTuple

_CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid (unix(7), SO_PEERCRED)
IS_SUPPORTED: Final = hasattr(socket, "SO_PEERCRED")


class LocalPeer(NamedTuple):
    """What the server puts into the `client` of a request from the local socket.

    Only the type tells a user of this machine from an address: no text that a client sends becomes one.
    """

    host: str
    """`uid N`; never an address."""

    uid: int


def peer_of(connection: socket.socket) -> LocalPeer:
    """The user that connected; the kernel kept the uid when it did. OSError if the connection is gone."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(data)
    return LocalPeer(host=f"uid {uid}", uid=uid)
