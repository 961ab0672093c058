"""The local socket: a file by which users of this machine reach the gateway.

- Every user may connect (mode 0666); the modes of its folders decide who reaches it.
- A lock beside the socket shows whether a process serves it. A socket without its process is replaced, one that is
  served is left alone, and a file that is not a socket is never removed.
"""

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from node.errors import Unavailable, UsageError
from node.files import open_private
from node.serving.local_peer import IS_SUPPORTED

PATH: Final = "gateway.socket"
SOCKET_MODE: Final = 0o666
PATH_SIZE_BYTES_MAX: Final = 107  # the kernel's limit, less the zero at the end


@contextmanager
def local_socket(path: Path, backlog: int) -> Iterator[socket.socket]:
    """A socket at `path` that listens; it is removed at the end. Raises UsageError, and Unavailable if it is served."""
    if not IS_SUPPORTED:
        message = "this system does not name the user at the other end of a socket"
        raise UsageError("gateway_unavailable", message, path=PATH, hint="use an address and tokens")
    if len(os.fsencode(path)) > PATH_SIZE_BYTES_MAX:
        message = f"{path} is longer than the {PATH_SIZE_BYTES_MAX} bytes that a socket may have"
        raise UsageError("value_invalid", message, path=PATH, hint="name a shorter path, such as /run/enlace/socket")
    try:
        lock = open(path.with_name(path.name + ".lock"), "a", opener=open_private)  # noqa: SIM115 - closed below
    except OSError as error:
        raise _unusable(path, error) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _served(path) from None
        with _bound(path, backlog) as listening:
            yield listening


@contextmanager
def _bound(path: Path, backlog: int) -> Iterator[socket.socket]:
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    with listening:
        listening.setblocking(False)
        try:
            listening.bind(os.fspath(path))
            path.chmod(SOCKET_MODE)  # before it listens: until then nobody can connect
            listening.listen(backlog)
        except OSError as error:
            raise _unusable(path, error) from None
        try:
            yield listening
        finally:
            with suppress(FileNotFoundError):
                path.unlink()


def _remove_stale(path: Path) -> None:
    """Remove the socket of a process that has ended."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unusable(path, error) from None
    if not stat.S_ISSOCK(found.st_mode):
        message = f"{path} exists and is not a socket"
        raise UsageError("gateway_unavailable", message, path=PATH, hint="name another path, or remove the file")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        answer = probe.connect_ex(os.fspath(path))
    if answer in (0, errno.EAGAIN):  # it is served, though not with our lock; EAGAIN: its queue is full
        raise _served(path)
    with suppress(FileNotFoundError):
        path.unlink()


def _served(path: Path) -> Unavailable:
    message = f"another process serves {path}"
    return Unavailable("gateway_unavailable", message, path=PATH, hint="end the other process, or name another path")


def _unusable(path: Path, error: OSError) -> UsageError:
    message = f"{path}: {error.strerror}"
    return UsageError("gateway_unavailable", message, path=PATH, hint="name a path in a folder of this user")
