"""Reading and writing whole files: text and other bytes. Secrets are in node/secret_files.py.

Rules:
- Every file is made for its owner, mode 0600, and every folder 0700.
- A file that exists is never overwritten, unless the caller replaces a file of its own.
- A write is atomic: the bytes go to a new file in the same folder, reach the disk, and then take the target's name.
- Every read has a limit in bytes. A pipe or a device is not read, so that it cannot block: only a file that a user
  names for one command may be a pipe.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from node.errors import UsageError

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
TEXT_SIZE_BYTES_MAX: Final = 1024 * 1024
DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors of a write that more space ends: of the disk, and of the quota of a user."""

_NO_SUCH_PLACE: Final = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO)
_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP)  # answers of file systems without hard links


def write_file(path: Path, data: bytes, *, mode: int = FILE_MODE, replace: bool = False) -> None:
    """Write the whole file or nothing. UsageError if the file exists and `replace` is False, or has no folder."""
    with _errors_of(path):
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                os.fchmod(file.fileno(), mode)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                temporary.replace(path)
            else:
                _link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _link(temporary: Path, path: Path) -> None:
    """Give the file its name, which must be free."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
        temporary.replace(path)


@contextmanager
def new_text_file(path: Path) -> Iterator[IO[str]]:
    """A new file, mode 0600, for text that is written bit by bit. If the block fails before it wrote, it is removed.

    Raises UsageError if the name is taken, also by a link or a device, or if the folder does not exist.
    """
    with _errors_of(path):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield file
    except BaseException:
        if path.stat().st_size == 0:
            path.unlink()
        raise


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """UsageError for a name that is taken and for a place where no file can be; other errors pass."""
    try:
        yield
    except FileExistsError:
        message = f"{path} exists already, and is not overwritten"
        raise UsageError("file_exists", message, path=str(path), hint="name another file") from None
    except OSError as error:
        if error.errno not in _NO_SUCH_PLACE:
            raise
        message, hint = f"{path}: {error.strerror}", "name a file in a folder that exists"
        raise UsageError("file_unwritable", message, path=str(path), hint=hint) from None


def open_private(name: str, flags: int) -> int:
    """An opener for `open`: a file that is made is for its owner."""
    return os.open(name, flags, FILE_MODE)


def make_folder(path: Path) -> None:
    """Make a folder that only this user can open. Raises UsageError if the name is taken."""
    try:
        path.mkdir(mode=FOLDER_MODE, parents=True)
    except FileExistsError:
        raise UsageError("file_exists", f"{path} exists already", path=str(path), hint="name another folder") from None
    except OSError as error:
        raise UsageError("folder_unwritable", f"{path}: {error.strerror}", path=str(path)) from None


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` that the block fills. It is renamed to `path` at the end, or removed if the block fails.

    Raises UsageError if `path` exists. A process that is killed leaves a folder with a dot before its name.
    """
    if path.exists() or path.is_symlink():
        raise UsageError("file_exists", f"{path} exists already", path=str(path), hint="name another folder")
    try:
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))  # mode 0700
    except OSError as error:
        raise UsageError("folder_unwritable", f"{path}: {error.strerror}", path=str(path)) from None
    try:
        yield making
        making.rename(path)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise


def read_file(path: Path, size_max: int, *, pipe: bool = False) -> bytes:
    """The bytes of a file. UsageError if it is not readable or larger than `size_max` bytes, or not a regular file.

    With `pipe`, it may also be a pipe, which is read to its end.
    """
    try:
        with opened_file(path, pipe=pipe) as file:
            data = file.read(size_max + 1)
    except OSError as error:
        raise UsageError("file_unreadable", f"{path}: {error.strerror}", path=str(path)) from None
    if len(data) > size_max:
        raise UsageError("file_too_large", f"{path} is larger than {size_max} bytes", path=str(path))
    return data


def opened_file(path: Path, *, pipe: bool = False) -> IO[bytes]:
    """A regular file, open for reading; with `pipe`, it may be a pipe, whose other end is not waited for.

    Raises OSError.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) or (pipe and stat.S_ISFIFO(mode))):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file")
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "rb")


def check_regular(path: Path, *, hint: str = "write its content to a file, and name that file") -> None:
    """Raise UsageError for a pipe, a device or a folder; a name without a file passes."""
    if path.exists() and not path.is_file():
        raise UsageError("file_unreadable", f"{path}: it is not a regular file", path=str(path), hint=hint)


def read_text(path: Path, *, pipe: bool = False) -> str:
    """The text of a file that people write. Raises UsageError if it is not UTF-8 or larger than 1 MiB."""
    try:
        return read_file(path, TEXT_SIZE_BYTES_MAX, pipe=pipe).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("file_unreadable", f"{path} is not UTF-8", path=str(path)) from None
