"""Which files of the drop folder are finished, and which can be taken at all.

The convention: write under a name that begins with `.` or ends with `.part`, then rename. A file that was written under
its final name is taken when it has not changed for SETTLED_MS, nobody has it locked, and, where the system says it,
nobody has it open for writing.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from node.drop_folder.folder import is_dropped, is_too_long
from schemas.field_errors import FieldError

SETTLED_MS: Final = 2_000
FILES_TOGETHER_MAX: Final = 1_000  # names that one look takes; the next look takes the others


@dataclass(slots=True)
class Looks:
    """What earlier looks saw of each file: size and times."""

    _seen: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    standing: dict[str, int] = field(default_factory=dict)
    """Name -> since when it stands without being taken, in ms."""

    def take(self, folder: Path, now: int) -> list[str]:
        """The names of the files that are finished now, in the order of their names. Raises OSError."""
        names = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_dropped(entry.name) and not entry.is_dir(follow_symlinks=False):
                    names.append(entry.name)
                if len(names) == FILES_TOGETHER_MAX:
                    break
        self._forget(names)
        return [name for name in sorted(names) if self.is_finished(folder, name, now)]

    def _forget(self, names: Collection[str]) -> None:
        kept = set(names)
        self._seen = {name: seen for name, seen in self._seen.items() if name in kept}
        self.standing = {name: since for name, since in self.standing.items() if name in kept}

    def is_finished(self, folder: Path, name: str, now: int) -> bool:
        """Whether a file is as an earlier look saw it, settled and not in use; `now` in ms."""
        try:
            status = (folder / name).lstat()
        except FileNotFoundError:
            return False
        self.standing.setdefault(name, now)
        if is_too_long(name):
            return False
        seen = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        before, self._seen[name] = self._seen.get(name), seen
        changed_ms = max(status.st_mtime_ns, status.st_ctime_ns) // 1_000_000
        if before != seen or 0 <= now - changed_ms < SETTLED_MS:
            return False
        return refusal_of(folder, status) is not None or not _is_in_use(folder / name)


def refusal_of(folder: Path, status: os.stat_result) -> FieldError | None:
    """Why a file must not be read; None if it may. `status` is that of the name itself, not of what it links to."""
    if not stat.S_ISREG(status.st_mode):
        message = "the file is a link, a pipe or a device, and not a regular file"
        return FieldError(path="", code="file_not_regular", message=message)
    if status.st_nlink > 1:
        message = "the file has several names (hard links), so another process can change it"
        return FieldError(path="", code="file_not_regular", message=message)
    if status.st_uid not in (os.geteuid(), 0, folder.stat().st_uid):
        message = "the file belongs neither to the account of the daemon nor to the owner of the drop folder"
        return FieldError(path="", code="file_foreign", message=message)
    return None


def _is_in_use(path: Path) -> bool:
    """Whether another process has the file locked, or open for writing, as far as the system says it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False  # handing it in says why it cannot be read
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EWOULDBLOCK)
    finally:
        os.close(descriptor)
    return False
