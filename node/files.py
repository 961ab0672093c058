"""Reading and writing whole files: secrets, text and other bytes.

Rules:
- A secret is a regular file of this user or of root that no other user can read or write; other files are refused.
- A write is atomic: the bytes go to a new file in the same folder, reach the disk, and then take the target's name.
- Every read has a limit in bytes.
"""

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from node.errors import UsageError

SECRET_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o644
TEXT_SIZE_BYTES_MAX: Final = 1024 * 1024
SECRET_SIZE_BYTES_MAX: Final = 4 * 1024 * 1024  # thousands of key generations


def write_file(path: Path, data: bytes, *, mode: int = FILE_MODE, replace: bool = False) -> None:
    """Write the whole file or nothing. Raises UsageError if the file exists and `replace` is False."""
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
            os.link(temporary, path)
    except FileExistsError:
        raise UsageError("file_exists", f"{path} exists already", path=str(path), hint="remove it first") from None
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make_folder(path: Path) -> None:
    """Make a folder that only this user can open. Raises UsageError if the name is taken."""
    try:
        path.mkdir(mode=FOLDER_MODE, parents=True)
    except FileExistsError:
        raise UsageError("file_exists", f"{path} exists already", path=str(path), hint="name another folder") from None
    except OSError as error:
        raise UsageError("folder_unwritable", f"{path}: {error.strerror}", path=str(path)) from None


def read_secret(path: Path, *, group_may_read: bool = False) -> bytes:
    """The bytes of a secret file. Raises UsageError if it is not readable, or if other users can read or write it.

    `group_may_read` is for passphrases: service managers pass them as files of mode 0440.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError("secret_unreadable", f"{path}: {error.strerror}", path=str(path)) from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        forbidden = 0o037 if group_may_read else 0o077
        if not stat.S_ISREG(status.st_mode) or status.st_mode & forbidden:
            mode = stat.S_IMODE(status.st_mode)
            raise UsageError(
                "secret_exposed",
                f"{path} has mode {mode:04o}: other users than its owner can read or write it",
                path=str(path),
                hint="set its mode to 0600",
            )
        if status.st_uid not in (os.geteuid(), 0):
            raise UsageError("secret_exposed", f"{path} belongs to another user", path=str(path))
        data = file.read(SECRET_SIZE_BYTES_MAX + 1)
    if len(data) > SECRET_SIZE_BYTES_MAX:
        raise UsageError("secret_unreadable", f"{path} is too large", path=str(path))
    return data


def read_file(path: Path, size_max: int) -> bytes:
    """The bytes of a file. Raises UsageError if it is not readable or larger than `size_max` bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(size_max + 1)
    except OSError as error:
        raise UsageError("file_unreadable", f"{path}: {error.strerror}", path=str(path)) from None
    if len(data) > size_max:
        raise UsageError("file_too_large", f"{path} is larger than {size_max} bytes", path=str(path))
    return data


def read_text(path: Path) -> str:
    """The text of a file that people write. Raises UsageError if it is not UTF-8 or larger than 1 MiB."""
    try:
        return read_file(path, TEXT_SIZE_BYTES_MAX).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("file_unreadable", f"{path} is not UTF-8", path=str(path)) from None
