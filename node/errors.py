"""The errors of Enlace, in one tree.

    EnlaceError                code, message, path, hint
    ├── Rejected               the record is wrong: the node keeps its code and bytes, and the position moves on
    ├── RestartNeeded          the process cannot go on, but a new one can: the supervisor starts it again (exit 75)
    ├── Refused                the input at intake is wrong: nothing was written (exit 1)
    ├── UsageError             the command, the configuration or a document is wrong (exit 2)
    └── Unavailable            the log, the store or the machine is not available: wait and try again (exit 4)

Any other exception is a bug: nothing catches it, and the process ends with exit code 70.
Codes are stable texts in snake_case. The log, the database, the answers and the manual use the same codes.
"""

from typing import ClassVar, Final

from schemas.excerpts import MESSAGE_CHARACTERS_MAX, within

EXIT_BUG: Final = 70
HINT_CHARACTERS_MAX: Final = 2_000  # a hint may list all codes of a list


class EnlaceError(Exception):
    """An error with a stable code, the path of the field or file that it concerns, and a hint how to correct it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, *, path: str | None = None, hint: str | None = None) -> None:
        message = within(writable(message), MESSAGE_CHARACTERS_MAX)
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = None if path is None else within(writable(path), MESSAGE_CHARACTERS_MAX)
        self.hint = None if hint is None else within(hint, HINT_CHARACTERS_MAX)


def writable(text: str) -> str:
    """The text, with an escape for each byte of the name of a file that is not UTF-8: no answer could contain it."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class Rejected(EnlaceError):
    """A record failed a step of the verification; `node/verification/steps.py` has the step of each code."""

    def __init__(self, code: str, detail: str) -> None:
        """`detail` stays in the node's own store."""
        super().__init__(code, detail)


class Refused(EnlaceError):
    """Intake refused the input and wrote nothing."""


class UsageError(EnlaceError):
    """The command line, the configuration or an installed document is wrong."""

    exit_code = 2


class RestartNeeded(EnlaceError):
    """The daemon cannot recover and asks its supervisor for a new process."""

    exit_code = 75


class Unavailable(EnlaceError):
    """The log, the store or another resource is not available; the same call may succeed later."""

    exit_code = 4
