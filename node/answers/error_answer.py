"""Turns a failure of a command into an error with a code, and the error into the fields of its JSON form.

Every way to serve a command uses it. An exception that it does not know is a bug, which the caller reports.
"""

import errno
from typing import Final

from broker.log import LogError, LogUnusable
from node.errors import EnlaceError, Unavailable, UsageError
from node.files import DISK_FULL

_NO_PATH: Final = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR)
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


def error_fields(error: EnlaceError) -> dict[str, str | None]:
    """The fields of an error in JSON."""
    return {"code": error.code, "message": error.message, "path": error.path, "hint": error.hint}


def coded(error: Exception) -> EnlaceError | None:
    """The error with a code that `error` is or stands for; None if it is a bug."""
    match error:
        case EnlaceError():
            return error
        case LogError():
            return _of_log(error)
        case OSError():
            return _of_system(error)
    return None


def code_of_log(error: LogError) -> str:
    """The code of an error of the log, for a command that goes on without it."""
    return _of_log(error).code


def _of_log(error: LogError) -> EnlaceError:
    """An error of the log as an error of a command that needs it."""
    if isinstance(error, LogUnusable):
        hint = "use the version of Enlace that made it; if that is this one, find out who changed it, and restore it"
        return UsageError("bus_unusable", str(error), path="bus.url", hint=hint)
    if error.retriable:
        hint = "start the log, or correct the address, and call again"
        return Unavailable("bus_unavailable", str(error), path="bus.url", hint=hint)
    return UsageError("bus_unusable", str(error), path="bus.url", hint="use the version of Enlace that made it")


def _of_system(error: OSError) -> EnlaceError | None:
    """The error of the operating system that an operator can repair; None for every other one."""
    place = str(error.filename) if error.filename else None
    message = f"{place or 'a file'}: {error.strerror}"
    if error.errno in DISK_FULL:
        return Unavailable("disk_full", message, path=place, hint="free some space")
    if error.errno in _NO_PATH:
        return UsageError("file_unreadable", message, path=place, hint="name another file or folder")
    if error.errno in _FORBIDDEN:
        return UsageError("permission_denied", message, path=place, hint="run it as the owner of the home")
    return None
