"""Files of secrets: private keys, client keys for TLS, passphrases, tokens; and other files that are for their owner.

Rules:
- A secret is a regular file of this user or of root that no other user can read or write; other files are refused
  (`secret_exposed`). A link counts as the file that it leads to.
- Nothing here blocks: a pipe or a device is refused before it is read.
- A database with content is made with mode 0600. One that other users could read is closed to them, and logged: to
  refuse it would stop a node whose secret is known already.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from node.errors import UsageError
from node.files import FILE_MODE

SECRET_MODE: Final = FILE_MODE
SECRET_SIZE_BYTES_MAX: Final = 4 * 1024 * 1024  # thousands of key generations
OTHERS: Final = 0o077
OTHERS_BUT_GROUP_READS: Final = 0o037
DATABASE_SUFFIXES: Final = ("", "-wal", "-shm")

log = structlog.get_logger()


def read_secret(path: Path, *, group_may_read: bool = False) -> bytes:
    """The bytes of a secret file. Raises UsageError if it is not readable, or if other users can read or write it.

    `group_may_read` is for passphrases: service managers pass them as files of mode 0440.
    """
    with _opened(path, group_may_read=group_may_read) as descriptor:
        data = b""
        try:
            while len(data) <= SECRET_SIZE_BYTES_MAX and (part := os.read(descriptor, SECRET_SIZE_BYTES_MAX + 1)):
                data += part
        except OSError as error:
            raise _unreadable(path, error) from None
    if len(data) > SECRET_SIZE_BYTES_MAX:
        raise UsageError("secret_unreadable", f"{path} is too large", path=str(path))
    return data


def check_secret(path: Path, *, group_may_read: bool = False) -> None:
    """Raise UsageError as `read_secret` does, without reading: for files that a library opens by their name."""
    with _opened(path, group_may_read=group_may_read):
        return


def make_private(path: Path) -> None:
    """Make the database file `path` if it does not exist; close it and its two companions to other users.

    Does not open a file that exists: closing it would release the locks that this process holds on it.
    """
    if path.exists() and not path.is_file():  # a device or a pipe is not a database; opening it says so
        return
    if not path.exists():
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, FILE_MODE))
        except FileExistsError:  # another process was faster
            return
    for file in (path.with_name(path.name + suffix) for suffix in DATABASE_SUFFIXES):
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & OTHERS:
                file.chmod(mode & ~OTHERS)
                log.warning("file_was_exposed", file=str(file), mode=f"{mode:04o}", closed=True)
        except FileNotFoundError:
            continue
        except PermissionError:
            log.warning("file_was_exposed", file=str(file), mode=f"{mode:04o}", closed=False)


@contextmanager
def _opened(path: Path, *, group_may_read: bool) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe does not wait for its writer
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        _check(path, os.fstat(descriptor), OTHERS_BUT_GROUP_READS if group_may_read else OTHERS)
        yield descriptor
    finally:
        os.close(descriptor)


def _check(path: Path, status: os.stat_result, forbidden: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        message = f"{path} is not a regular file: it is not known who can read what it delivers"
        raise UsageError("secret_exposed", message, path=str(path), hint="put the secret into a file of mode 0600")
    if status.st_mode & forbidden:
        raise UsageError(
            "secret_exposed",
            f"{path} has mode {stat.S_IMODE(status.st_mode):04o}: other users than its owner can read or write it",
            path=str(path),
            hint="set its mode to 0600",
        )
    if status.st_uid not in (os.geteuid(), 0):
        message = f"{path} belongs to another user"
        raise UsageError("secret_exposed", message, path=str(path), hint="copy it into a file of your own, mode 0600")


def _unreadable(path: Path, error: OSError) -> UsageError:
    hint = "put the file there, readable by its owner only, or name another one"
    return UsageError("secret_unreadable", f"{path}: {error.strerror}", path=str(path), hint=hint)
